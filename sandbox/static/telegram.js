// A phone with Telegram: bubbles, buttons under them, a reply keyboard, the menu of commands, pictures.

import { h } from './dom.js';
import { clockOf, composer, suggestions } from './phone.js';

export function telegramBody(phone) {
  const { info } = phone;
  const bot = info.telegram;
  const screen = h('div', { class: 'lines', role: 'log', 'aria-label': `Chat of ${info.label} with the bot`, tabIndex: 0 });
  const empty = h('div', { class: 'empty' }, h('div', {}, bot
    ? [h('b', {}, 'What can this bot do?'), bot.description || 'Press START and see.']
    : 'The system has not registered its bot yet.'),
    bot?.started ? suggestions(phone, ['NEW Merkato 1000 12 weekly']) : null);
  const status = h('p', { class: 'phone-says', role: 'status' });
  const toastBox = h('div', { class: 'toast', role: 'alert', hidden: true });
  const keyboard = h('div', { class: 'reply-keyboard', role: 'group', 'aria-label': 'Reply keyboard' });
  const commands = h('div', { class: 'commands', hidden: true, role: 'group', 'aria-label': 'Menu' });
  const menuButton = h('button', {
    type: 'button', class: 'menu-button', 'aria-expanded': 'false', 'aria-label': 'Menu of commands', title: 'Menu',
    onclick: () => { showCommands(commands.hidden); },
  }, '☰');
  const writing = composer(phone, {
    label: 'Write a message to the bot', placeholder: 'Message',
    send: (text) => phone.act('telegram', { text }),
  });
  const start = h('button', { type: 'button', class: 'start', onclick: () => phone.act('telegram', { text: '/start' }) },
    bot?.blocked ? 'Unblock and restart' : 'START');
  const startBar = h('div', { class: 'start-bar' }, start);
  const compose = h('div', { class: 'compose' }, menuButton, writing.field,
    h('button', { type: 'button', class: 'send', onclick: writing.submit, 'aria-label': 'Send', title: 'Send' }, '➤'));

  const showCommands = (open) => {
    commands.hidden = !open;
    menuButton.setAttribute('aria-expanded', String(open));
    if (open) commands.querySelector('button')?.focus();
  };

  function refresh() {
    const now = phone.info.telegram;
    const open = Boolean(now?.started && !now.blocked);
    startBar.hidden = open || !now;
    // The composer stays while the chat is closed: pasting "/start CODE" is how a link is followed here.
    compose.hidden = !now || now.blocked;
    writing.field.placeholder = open ? 'Message' : 'or /start and a code';
    menuButton.hidden = !now?.commands?.length;
    commands.replaceChildren(...(now?.commands ?? []).map((command) => h('button', {
      type: 'button',
      onclick: () => { showCommands(false); phone.act('telegram', { text: `/${command.command}` }); },
    }, h('b', {}, `/${command.command}`), h('span', {}, command.description))));
    const rows = open ? now.keyboard?.rows ?? [] : [];
    keyboard.hidden = rows.length === 0;
    keyboard.replaceChildren(...rows.map((row) => h('div', { class: 'keys' }, row.map((key) => h('button', {
      type: 'button', onclick: () => phone.act('telegram', { press: key.text }),
    }, key.request_contact ? h('span', { 'aria-hidden': 'true' }, '☎ ') : null, key.text)))));
  }

  let toastTimer = 0;
  function toast({ text, show_alert: alert }) {
    clearTimeout(toastTimer);
    const close = () => { toastBox.hidden = true; };
    toastBox.replaceChildren(h('p', {}, text), alert ? h('button', { type: 'button', onclick: close }, 'OK') : '');
    toastBox.hidden = false;
    if (!alert) toastTimer = setTimeout(close, 4000);
  }

  commands.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') { showCommands(false); menuButton.focus(); }
  });
  const root = h('div', { class: 'device smart' },
    h('div', { class: 'chat-bar' },
      h('span', { class: 'avatar', 'aria-hidden': 'true' }, 'ዕ'),
      h('div', {}, h('b', {}, bot?.bot ?? 'No bot yet'), h('small', {}, bot ? `@${bot.username}` : 'waiting for the system'))),
    h('div', { class: 'chat' }, screen, empty, toastBox, commands),
    status, startBar, compose, keyboard);
  refresh();

  return {
    root, screen, empty, status, refresh, toast,
    draft: () => writing.field.value,
    setDraft: (text) => writing.set(text),
    focus: () => (compose.hidden ? start : writing.field).focus(),
    line: (line) => bubble(phone, line, toast),
  };
}

function bubble(phone, line, toast) {
  const files = (line.attachments ?? []).map((file) => (file.kind === 'photo'
    ? h('a', { href: file.url, target: '_blank', rel: 'noopener' }, h('img', { src: file.url, alt: line.text || 'Picture', loading: 'lazy' }))
    : h('a', { class: 'document', href: file.url, download: file.name }, h('span', { 'aria-hidden': 'true' }, '📄'), file.name)));
  const buttons = (line.inline ?? []).map((row) => h('div', { class: 'keys' }, row.map((button) => inlineButton(phone, line, button, toast))));
  return h('div', { class: line.mine ? 'bubble-row mine' : 'bubble-row' },
    h('div', { class: 'bubble' }, files,
      line.text ? h('p', { class: 'text', dir: 'auto' }, formatted(line.text, line.entities ?? [])) : null,
      h('p', { class: 'meta' }, line.edited ? 'edited ' : '', clockOf(line), line.mine ? ' ✓' : '')),
    buttons.length ? h('div', { class: 'inline-keyboard' }, buttons) : null);
}

function inlineButton(phone, line, button, toast) {
  const style = button.style ? `styled-${button.style}` : '';
  const link = button.url ?? button.web_app?.url ?? button.login_url?.url;
  if (link) return h('a', { class: style, href: link, target: '_blank', rel: 'noopener' }, button.text, h('span', { 'aria-hidden': 'true' }, ' ↗'));
  if (button.copy_text) {
    return h('button', {
      type: 'button', class: style,
      onclick: async () => {
        try { await navigator.clipboard.writeText(button.copy_text.text); toast({ text: `Copied: ${button.copy_text.text}` }); } catch { toast({ text: button.copy_text.text, show_alert: true }); }
      },
    }, button.text, h('span', { 'aria-hidden': 'true' }, ' ⧉'));
  }
  const press = button.callback_data ?? button.text;
  return h('button', { type: 'button', class: style, onclick: () => phone.act('telegram', { press, message: line.n }) }, button.text);
}

const TAGS = { bold: 'b', italic: 'i', underline: 'u', strikethrough: 's', code: 'code', pre: 'pre', blockquote: 'blockquote', spoiler: 'mark' };

/** Text with its entities as elements; offsets are UTF-16 units, as in JavaScript's own strings. */
function formatted(text, entities) {
  const nest = (from, to, inside) => {
    const pieces = [];
    let at = from;
    let rest = inside;
    while (rest.length) {
      const [entity, ...others] = rest;
      const end = Math.min(entity.offset + entity.length, to);
      pieces.push(text.slice(at, entity.offset));
      const within = others.filter((other) => other.offset < end);
      pieces.push(wrapped(entity, nest(entity.offset, end, within), text.slice(entity.offset, end)));
      at = end;
      rest = others.filter((other) => other.offset >= end);
    }
    pieces.push(text.slice(at, to));
    return pieces.filter((piece) => piece !== '');
  };
  return nest(0, text.length, [...entities].sort((a, b) => a.offset - b.offset || b.length - a.length));
}

function wrapped(entity, children, plain) {
  if (entity.type === 'text_link' || entity.type === 'url') {
    const address = entity.url ?? plain;
    if (!/^(https?|tg|mailto|tel):/i.test(address)) return h('span', {}, children);
    return h('a', { href: address, target: '_blank', rel: 'noopener' }, children);
  }
  return h(TAGS[entity.type] ?? 'span', {}, children);
}
