// Checkouts that wait at the payment provider, and how each of them ends.

import { byId, call, h, trouble } from './dom.js';
import { prettyNumber } from './phone.js';

const OUTCOMES = {
  succeed: 'Pay', fail: 'Fail', timeout: 'Walk away', late_success: 'Fail, then pay', wrong_amount: 'Pay 1.00 less', duplicate: 'Pay, told twice',
};

async function look() {
  if (byId('panel-pay').hidden) return;
  const answer = await call('GET', '/sandbox/payments');
  if (!answer.ok) { byId('pay-says').textContent = trouble(answer); return; }
  byId('payments').replaceChildren(...(answer.body.items.length ? answer.body.items.map(row) : [h('li', { class: 'about' }, 'No checkout has been opened.')]));
}

function row(payment) {
  const settle = (outcome) => async () => {
    const answer = await call('POST', `/sandbox/payments/${encodeURIComponent(payment.reference)}`, { outcome });
    byId('pay-says').textContent = answer.ok ? '' : trouble(answer);
    look();
  };
  return h('li', {},
    h('p', {}, h('b', {}, `${payment.amount} ${payment.currency}`), ` · ${prettyNumber(payment.phone)} · ${payment.status}`),
    h('p', { class: 'about' }, `${payment.provider} · ${payment.reference}`),
    payment.status === 'pending' ? h('div', { class: 'row wrap' },
      Object.entries(OUTCOMES).map(([outcome, label]) => h('button', { type: 'button', class: 'plain', onclick: settle(outcome) }, label))) : null);
}

export function startPayments() {
  document.addEventListener('tab', look);
  document.addEventListener('changed', look);
  if (location.hash.startsWith('#pay=')) byId('tab-pay').click();
}
