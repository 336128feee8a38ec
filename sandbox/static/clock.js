// The clock in the head of the page: what time it is for the whole system, and moving it.

import { byId, call, trouble } from './dom.js';
import { ahead, ethiopianDate, gregorianDate, time } from './calendar.js';

const NAMES = { PT1H: 'one hour', P1D: 'one day', P7D: 'one week' };

let offset = 0;
let nextDue = null;
let moving = false;

const messages = (count) => (count === 1 ? '1 message' : `${count} messages`);
const now = () => Date.now() + offset;

function show() {
  byId('now-time').textContent = time(now());
  byId('now-time').dateTime = new Date(now()).toISOString();
  byId('now-ethiopian').textContent = ethiopianDate(now());
  byId('now-gregorian').textContent = gregorianDate(now());
  const due = byId('to-due');
  const far = nextDue === null ? '' : ahead(nextDue - now());
  due.disabled = moving || nextDue === null;
  due.textContent = nextDue === null ? 'Nothing due' : `To next due, ${far}`;
  due.title = nextDue === null ? 'Nothing is planned' : `${gregorianDate(nextDue)}, ${time(nextDue)}`;
}

function take(body) {
  if (!body?.now) return;
  offset = Date.parse(body.now) - Date.now();
  nextDue = body.next_due ? Date.parse(body.next_due) : null;
  show();
}

async function look() {
  if (moving) return;
  const answer = await call('GET', '/sandbox/clock');
  if (answer.ok) take(answer.body);
  else say(`This computer's time is shown. ${trouble(answer)}`, true);
}

function say(words, bad = false) {
  byId('clock-says').textContent = words;
  byId('clock-says').classList.toggle('bad', bad);
}

async function move(body, name) {
  if (moving) return;
  moving = true;
  let arrived = 0;
  const count = (event) => { arrived += event.detail; say(`Moving ${name}: ${messages(arrived)} so far…`); };
  document.addEventListener('arrived', count);
  const buttons = document.querySelectorAll('.advance button');
  buttons.forEach((button) => { button.disabled = true; });
  byId('clock-progress').hidden = false;
  say(`Moving ${name}; what falls due on the way happens in order…`);
  const answer = await call('POST', '/sandbox/clock', body);
  moving = false;
  buttons.forEach((button) => { button.disabled = false; });
  byId('clock-progress').hidden = true;
  if (answer.ok) {
    take(answer.body);
    if (!answer.body?.now) await look();
    // The last messages reach the screens a moment after the answer.
    await new Promise((done) => { setTimeout(done, 300); });
    say(`It is now ${gregorianDate(now()).split(' ').slice(0, 3).join(' ')}, ${time(now())}. ${arrived ? `${messages(arrived)} arrived on these phones.` : 'Nothing arrived on these phones.'}`);
  } else {
    say(trouble(answer), true);
    await look();
  }
  document.removeEventListener('arrived', count);
  document.dispatchEvent(new Event('changed'));
  show();
}

export function startClock() {
  for (const button of document.querySelectorAll('[data-advance]')) {
    button.addEventListener('click', () => move({ advance: button.dataset.advance }, NAMES[button.dataset.advance]));
  }
  byId('to-due').addEventListener('click', () => {
    if (nextDue !== null) move({ set: new Date(nextDue).toISOString() }, 'to the next thing due');
  });
  document.addEventListener('changed', look);
  setInterval(show, 1000);
  setInterval(look, 20000);
  show();
  look();
}
