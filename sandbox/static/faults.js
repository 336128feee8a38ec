// The trouble panel: what is to go wrong outside, and what is still waiting to.

import { byId, call, h, trouble } from './dom.js';

const ABOUT = {
  '429': ['Too many requests', 'Refused with 429 and a time to wait.'],
  '403': ['Refused', 'As if the person had blocked the sender.'],
  '5xx': ['Server error', 'Nothing is taken; the answer is an error.'],
  timeout: ['No answer', 'The line stays open and nothing arrives.'],
  drop_after_commit: ['Cut after taking it', 'The message arrives, but the answer is lost.'],
  slow: ['Slow', 'Every answer takes three seconds.'],
  reorder: ['Reports out of order', 'SMS only: delivered is reported before sent.'],
  duplicate: ['Reports twice', 'SMS only: each report comes twice.'],
  fail: ['Not delivered', 'SMS only: taken, then reported as failed.'],
  silence: ['No report', 'SMS only: it arrives, but no report ever comes.'],
};
const TARGETS = { telegram: 'Telegram', sms: 'SMS', http: 'Local gateway', twilio: 'Twilio', beacon: 'Beacon', hosted: 'Payment provider' };

function show(answer) {
  if (!answer.ok) { byId('fault-says').textContent = trouble(answer); return; }
  byId('fault-says').textContent = '';
  const pending = answer.body.items;
  byId('fault-list').replaceChildren(...(pending.length ? pending.map((fault) => h('li', {},
    h('span', {}, h('b', {}, TARGETS[fault.target] ?? fault.target), ` · ${ABOUT[fault.kind]?.[0] ?? fault.kind} · ${fault.times_left === 1 ? 'once' : `${fault.times_left} times`}`),
    h('button', {
      type: 'button', class: 'plain',
      onclick: async () => show(await call('POST', '/sandbox/faults', { target: fault.target, kind: fault.kind, times: 0 })),
    }, 'Take back'))) : [h('li', { class: 'about' }, 'Nothing. Everything works as it should.')]));
}

export function startFaults() {
  const form = byId('fault-form');
  const kind = form.elements.kind;
  const about = () => { byId('fault-about').textContent = ABOUT[kind.value][1]; };
  kind.replaceChildren(...Object.entries(ABOUT).map(([value, [label]]) => h('option', { value }, label)));
  kind.addEventListener('change', about);
  about();
  const look = async () => show(await call('GET', '/sandbox/faults'));
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const asked = { target: form.elements.target.value, kind: kind.value, times: Number(form.elements.times.value) };
    show(await call('POST', '/sandbox/faults', asked));
  });
  document.addEventListener('tab', (event) => { if (event.detail === 'tab-faults') look(); });
  document.addEventListener('changed', () => { if (!byId('panel-faults').hidden) look(); });
}
