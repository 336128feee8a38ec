// The phones page: the cast, what changes on it, the tabs beside it.

import { byId, call, debounced, h, trouble } from './dom.js';
import { Phone } from './phone.js';
import { startClock } from './clock.js';
import { startBook } from './book.js';
import { startFaults } from './faults.js';
import { startPayments } from './payments.js';

const phones = new Map();
const stage = byId('phones');

async function loadCast() {
  const answer = await call('GET', '/sandbox/phones');
  if (!answer.ok) {
    if (!phones.size) stage.replaceChildren(h('p', { class: 'nothing' }, trouble(answer)));
    return;
  }
  const wanted = answer.body.items;
  if (!phones.size) stage.replaceChildren();
  for (const [number, phone] of phones) {
    if (!wanted.some((shown) => shown.number === number)) removed(phone);
  }
  for (const shown of wanted) {
    const known = phones.get(shown.number);
    if (known) known.update(shown);
    else {
      const phone = new Phone(shown, { onremove: removed });
      phones.set(shown.number, phone);
      stage.append(phone.root);
      phone.refresh();
    }
  }
}

function removed(phone) {
  phones.delete(phone.info.number);
  phone.root.remove();
}

// What changes: an event stream, and looking every two seconds where a stream does not come through.

const loadCastSoon = debounced(150, loadCast);
const changedSoon = debounced(500, () => document.dispatchEvent(new Event('changed')));
let polling = 0;

function onChange(numbers) {
  for (const number of numbers) {
    if (number === '') loadCastSoon();
    else phones.get(number)?.refresh();
  }
  watchTraffic();
  changedSoon();
}

function poll() {
  if (polling) return;
  polling = setInterval(() => onChange(phones.keys()), 2000);
}

function listen() {
  const stream = new EventSource('/sandbox/events');
  let opened = false;
  stream.addEventListener('hello', () => {
    opened = true;
    clearInterval(polling);
    polling = 0;
    onChange(['', ...phones.keys()]);
  });
  stream.onmessage = (event) => onChange(JSON.parse(event.data).phones);
  stream.onerror = () => poll();
  setTimeout(() => { if (!opened) poll(); }, 4000);
}

// Whether anything is still on its way.

const traffic = byId('traffic');
let watching = false;

async function watchTraffic() {
  if (watching) return;
  watching = true;
  for (let round = 0; round < 200; round += 1) {
    const answer = await call('GET', '/sandbox/pending');
    const flying = answer.body?.in_flight ?? 0;
    traffic.textContent = flying ? `${flying} on the way` : 'quiet';
    traffic.classList.toggle('busy', flying > 0);
    if (!flying) break;
    await new Promise((done) => { setTimeout(done, 400); });
  }
  watching = false;
}

// Tabs, suggestions, one more phone.

function startTabs() {
  const tabs = [...document.querySelectorAll('[role=tab]')];
  const choose = (tab) => {
    for (const other of tabs) {
      const chosen = other === tab;
      other.setAttribute('aria-selected', String(chosen));
      other.tabIndex = chosen ? 0 : -1;
      byId(other.getAttribute('aria-controls')).hidden = !chosen;
    }
    document.dispatchEvent(new CustomEvent('tab', { detail: tab.id }));
  };
  tabs.forEach((tab, index) => {
    tab.addEventListener('click', () => choose(tab));
    tab.addEventListener('keydown', (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const next = tabs[(index + step + tabs.length) % tabs.length];
      choose(next);
      next.focus();
    });
  });
}

function startSuggestions() {
  byId('panel-help').addEventListener('click', (event) => {
    const button = event.target.closest('.try');
    if (!button) return;
    const list = [...phones.values()];
    const phone = list[Math.min(Number(button.dataset.phone), list.length - 1)];
    if (!phone) return;
    const placeholder = button.querySelector('i');
    const text = placeholder ? button.textContent.replace(placeholder.textContent, '') : button.textContent;
    phone.body.setDraft(text);
    phone.root.scrollIntoView({ behavior: 'smooth', block: 'nearest', inline: 'center' });
    phone.body.focus();
  });
}

function startAdding() {
  const dialog = byId('add-dialog');
  const form = byId('add-form');
  byId('add-phone').addEventListener('click', () => { form.reset(); byId('add-says').textContent = ''; dialog.showModal(); });
  byId('add-cancel').addEventListener('click', () => dialog.close());
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const asked = Object.fromEntries(new FormData(form));
    const answer = await call('POST', '/sandbox/phones', asked);
    if (!answer.ok) { byId('add-says').textContent = trouble(answer); return; }
    dialog.close();
    await loadCast();
    const phone = phones.get(answer.body.number);
    phone?.root.scrollIntoView({ behavior: 'smooth', inline: 'end', block: 'nearest' });
    phone?.body.focus();
  });
}

startTabs();
startSuggestions();
startAdding();
startClock();
startBook();
startFaults();
startPayments();
await loadCast();
listen();
watchTraffic();
