// What the book says: the system's own admin API, read beside the phones. Shows what is there, in any part.

import { byId, call, h, trouble } from './dom.js';
import { shortDate, time } from './calendar.js';

let token = null;
let chosen = '';
let open = false;
let loading = false;

/** One page of the admin API; the token is fetched anew once when it is no longer taken. */
async function read(path, again = true) {
  if (!token) {
    const answer = await call('GET', '/sandbox/admin-token');
    if (!answer.ok) return answer;
    token = answer.body?.access_token ?? null;
  }
  const answer = await call('GET', `/api/v1/${path}`, undefined, { Authorization: `Bearer ${token}` });
  if (answer.status === 401 && again) {
    token = null;
    return read(path, false);
  }
  return answer;
}

const items = (answer) => (answer.ok ? answer.body?.items ?? (Array.isArray(answer.body) ? answer.body : []) : []);

const grouped = (amount) => String(amount).replace(/^(-?\d+)/, (whole) => whole.replace(/\B(?=(\d{3})+$)/g, ','));

function money(value) {
  if (value === null || value === undefined) return '';
  if (typeof value === 'object') return `${grouped(value.amount)} ${value.currency === 'ETB' ? 'Br' : value.currency ?? ''}`.trim();
  return grouped(value);
}

const when = (stamp) => (stamp ? `${shortDate(Date.parse(stamp))} ${time(Date.parse(stamp))}` : '');
const word = (value) => (value === null || value === undefined ? '' : String(value).replaceAll('_', ' '));

function table(caption, heads, rows, none) {
  if (!rows.length) return h('section', {}, h('h3', {}, caption), h('p', { class: 'about' }, none));
  return h('section', {}, h('h3', {}, caption),
    h('div', { class: 'scroll', tabIndex: 0, role: 'region', 'aria-label': caption },
      h('table', {},
        h('thead', {}, h('tr', {}, heads.map(([label, kind]) => h('th', { scope: 'col', class: kind ?? '' }, label)))),
        h('tbody', {}, rows.map((row) => h('tr', {}, row.map((cell, index) => h('td', { class: heads[index][1] ?? '' }, cell ?? ''))))))));
}

function facts(group) {
  const pairs = [
    ['Code', group.code], ['Status', word(group.status)], ['Contribution', money(group.contribution)], ['Pot', money(group.pot)],
    ['Lots', group.lots], ['Rounds held', group.rounds_held],
  ].filter(([, value]) => value !== undefined && value !== null && value !== '');
  return h('dl', { class: 'facts' }, pairs.map(([label, value]) => h('div', {}, h('dt', {}, label), h('dd', {}, String(Array.isArray(value) ? value.length : value)))));
}

const who = (member) => (member && typeof member === 'object' ? member.name ?? member.number : member);

function holdings(member) {
  return (member.holdings ?? []).map(({ lot, share }) => (String(share) === '1' ? `${lot}` : `${lot} × ${share}`)).join(', ');
}

async function draw() {
  if (!open || loading) return;
  loading = true;
  try { await drawNow(); } finally { loading = false; }
}

async function drawNow() {
  const list = await read('groups?limit=100');
  if (!list.ok) {
    byId('book').replaceChildren();
    byId('book-says').textContent = list.status === 404 ? 'The admin API is not there yet; the phones work without it.' : trouble(list);
    return;
  }
  const groups = items(list);
  choose(groups);
  if (!groups.length) {
    byId('book').replaceChildren(h('p', { class: 'about' }, 'No equb has been founded yet. Try ', h('b', {}, 'NEW Merkato 1000 12 weekly'), ' on a phone.'));
    byId('book-says').textContent = '';
    return;
  }
  const id = encodeURIComponent(chosen);
  const [one, members, rounds, dues, accounts, transfers] = await Promise.all([
    read(`groups/${id}`), read(`groups/${id}/members?limit=100`), read(`groups/${id}/rounds?limit=20`),
    read(`groups/${id}/dues?limit=50`), read(`ledger/accounts?group=${id}&limit=100`), read(`ledger/transfers?group=${id}&limit=50`),
  ]);
  const named = new Map(items(members).map((m) => [m.id, m.name]));
  const group = one.ok ? one.body : groups.find((candidate) => candidate.id === chosen);
  byId('book').replaceChildren(
    facts(group),
    table('Accounts', [['Account'], ['Balance', 'num']], items(accounts).map((a) => [a.name, money(a.balance)]), 'No money has moved.'),
    table('Transfers', [['When'], ['What'], ['Amount', 'num']],
      items(transfers).map((t) => [when(t.at), h('span', { title: t.reference ?? '' }, word(t.kind), h('small', {}, `debit ${t.debit}, credit ${t.credit}`)), money(t.amount)]), 'Nothing is written yet.'),
    table('Rounds', [['Round', 'num'], ['Status'], ['Due'], ['Collected', 'num']],
      items(rounds).map((r) => [r.number, word(r.status), when(r.due_at), money(r.collected)]), 'Not begun.'),
    table('Dues', [['Member'], ['Round', 'num'], ['Amount', 'num'], ['Paid', 'num'], ['Status']],
      items(dues).map((d) => [who(named.get(d.member) ?? d.member), typeof d.round === 'object' ? d.round?.number : d.round, money(d.amount), money(d.paid), word(d.status)]), 'Nobody owes anything.'),
    table('Members', [['No.', 'num'], ['Name'], ['Role'], ['Lots']],
      items(members).map((m) => [m.number, m.name, word(m.role), holdings(m)]), 'Nobody has joined.'));
  const missing = [members, rounds, dues, accounts, transfers].filter((answer) => !answer.ok).length;
  byId('book-says').textContent = missing ? `${missing} of 5 parts could not be read.` : '';
}

function choose(groups) {
  const select = byId('group');
  if (!groups.some((group) => group.id === chosen)) chosen = groups[0]?.id ?? '';
  select.replaceChildren(...(groups.length ? groups.map((group) => h('option', { value: group.id, selected: group.id === chosen }, `${group.name} (${group.code})`)) : [h('option', { value: '' }, 'none yet')]));
}

export function startBook() {
  byId('group').addEventListener('change', (event) => { chosen = event.target.value; draw(); });
  byId('book-refresh').addEventListener('click', draw);
  document.addEventListener('tab', (event) => { open = event.detail === 'tab-book'; draw(); });
  document.addEventListener('changed', draw);
}
