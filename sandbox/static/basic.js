// A basic phone: a small screen, SMS only, a keypad that types.

import { h } from './dom.js';
import { segments } from './segments.js';
import { clockOf, composer, suggestions } from './phone.js';

const KEYS = [['1', '.,?'], ['2', 'abc'], ['3', 'def'], ['4', 'ghi'], ['5', 'jkl'], ['6', 'mno'], ['7', 'pqrs'], ['8', 'tuv'], ['9', 'wxyz'], ['*', ''], ['0', '␣'], ['#', '']];

export function basicBody(phone) {
  const { info } = phone;
  const screen = h('div', { class: 'lines', role: 'log', 'aria-label': `Messages of ${info.label}`, tabIndex: 0 });
  const empty = h('div', { class: 'empty' }, h('p', {}, 'No messages.'), suggestions(phone, ['HELP', 'NEW Merkato 1000 12 weekly']));
  const status = h('p', { class: 'phone-says', role: 'status' });
  const counter = h('span', { class: 'counter' });
  const count = (text) => {
    const size = segments(text);
    counter.textContent = text ? `${size.encoding} · ${size.left} left · ${size.count} SMS` : '';
    counter.title = text ? `${size.left} more fit into ${size.count === 1 ? 'one part' : `${size.count} parts`}` : '';
    counter.classList.toggle('long', size.count > 1);
  };
  const writing = composer(phone, {
    label: `Write an SMS to ${info.sms_number ?? 'the equb'}`,
    placeholder: info.sms_number ? `SMS to ${info.sms_number}` : 'SMS',
    send: (text) => phone.act('sms', { text }),
    onchange: count,
  });
  const press = (key) => { writing.set(writing.field.value + key); };
  const erase = () => { writing.set([...writing.field.value].slice(0, -1).join('')); };
  const off = info.reach !== 'on';

  const root = h('div', { class: 'device basic' },
    h('div', { class: 'ear', 'aria-hidden': 'true' }),
    h('div', { class: 'lcd' },
      h('div', { class: 'lcd-bar' }, h('span', { 'aria-hidden': 'true', class: 'bars' }, off ? '' : '▂▄▆'), h('span', {}, off ? 'Switched off' : 'Messages'), h('span', {}, info.sms_number ?? '')),
      screen, empty,
      h('div', { class: 'compose' }, writing.field, h('div', { class: 'meter' }, counter))),
    status,
    h('div', { class: 'soft' },
      h('button', { type: 'button', class: 'key clear', onclick: erase, 'aria-label': 'Delete the last character' }, 'C'),
      h('button', { type: 'button', class: 'key send', onclick: writing.submit }, 'Send')),
    h('div', { class: 'keypad', role: 'group', 'aria-label': 'Keypad' },
      KEYS.map(([key, letters]) => h('button', { type: 'button', class: 'key', onclick: () => press(key), 'aria-label': key },
        h('b', {}, key), h('small', { 'aria-hidden': 'true' }, letters)))));
  root.classList.toggle('off', off);

  return {
    root, screen, empty, status,
    draft: () => writing.field.value,
    setDraft: (text) => writing.set(text),
    focus: () => writing.field.focus(),
    line: (line) => smsLine(line),
  };
}

function smsLine(line) {
  const parts = line.segments ? `${line.segments} SMS${line.encoding === 'UCS-2' ? ', UCS-2' : ''}` : '';
  return h('div', { class: line.mine ? 'sms mine' : 'sms' },
    h('p', { class: 'text', dir: 'auto' }, line.text),
    h('p', { class: 'meta' }, h('span', {}, line.mine ? `to ${line.peer}` : line.peer), h('span', {}, `${parts} · ${clockOf(line)}`)));
}
