// One phone on the page: its head (name, kind, menu), its body, and the lines on its screen.

import { call, h, trouble } from './dom.js';
import { dayNumber, ethiopianDate, gregorianDate, time } from './calendar.js';
import { basicBody } from './basic.js';
import { telegramBody } from './telegram.js';

export class Phone {
  constructor(shown, { onremove }) {
    this.info = shown;
    this.since = 0;
    this.lines = new Map();
    this.unseen = { sms: 0, telegram: 0 };
    this.onremove = onremove;
    this.root = h('article', { class: 'phone' });
    this.loading = false;
    this.loaded = false;
    this.build();
  }

  get path() { return `/sandbox/phones/${encodeURIComponent(this.info.number)}`; }

  build() {
    const { info } = this;
    this.root.dataset.channel = info.channel;
    this.root.setAttribute('aria-label', `${info.label}, ${info.channel === 'sms' ? 'basic phone' : 'Telegram'}`);
    this.unseen[info.channel] = 0;
    this.name = h('input', {
      class: 'name', value: info.label, maxLength: 40, 'aria-label': 'Name of this phone', spellcheck: false,
      onchange: () => this.change({ label: this.name.value.trim() || info.name }),
      onkeydown: (event) => { if (event.key === 'Enter') this.name.blur(); },
    });
    this.kinds = h('div', { class: 'kinds', role: 'group', 'aria-label': 'Kind of phone' },
      this.kindButton('sms', 'Basic'), this.kindButton('telegram', 'Telegram'));
    this.body = (info.channel === 'sms' ? basicBody : telegramBody)(this);
    this.root.replaceChildren(
      h('header', { class: 'phone-head' },
        h('div', { class: 'who' }, this.name, h('span', { class: 'number' }, prettyNumber(info.number))),
        this.menu()),
      this.kinds, this.body.root);
    this.drawLines();
    // A screen that showed its end keeps showing it when the window or a keyboard changes its size.
    const { screen } = this.body;
    let atEnd = true;
    screen.addEventListener('scroll', () => { atEnd = screen.scrollHeight - screen.scrollTop - screen.clientHeight < 60; });
    this.resized?.disconnect();
    this.resized = new ResizeObserver(() => { if (atEnd) screen.scrollTop = screen.scrollHeight; });
    this.resized.observe(screen);
  }

  kindButton(channel, label) {
    const unseen = this.unseen[channel];
    return h('button', {
      type: 'button', 'aria-pressed': String(this.info.channel === channel),
      onclick: () => this.change({ channel }),
    }, label, unseen ? h('span', { class: 'unseen' }, `${unseen}`, h('span', { class: 'hidden' }, ' new')) : null);
  }

  menu() {
    const { info } = this;
    const item = (label, action) => h('button', { type: 'button', onclick: () => { menu.open = false; action(); } }, label);
    const menu = h('details', { class: 'menu' },
      h('summary', { 'aria-label': `More about ${info.label}`, title: 'More' }, '⋯'),
      h('div', {},
        info.telegram?.started ? item(info.telegram.blocked ? 'Unblock the bot' : 'Block the bot', () => this.block(!info.telegram.blocked)) : null,
        item(info.reach === 'on' ? 'Switch the phone off' : 'Switch the phone on', () => this.change({ reach: info.reach === 'on' ? 'off' : 'on' })),
        item('Take it off this page', () => this.remove())));
    menu.addEventListener('focusout', (event) => { if (!menu.contains(event.relatedTarget)) menu.open = false; });
    menu.addEventListener('keydown', (event) => { if (event.key === 'Escape') { menu.open = false; menu.firstChild.focus(); } });
    return menu;
  }

  async change(what) {
    const answer = await call('PUT', this.path, what);
    if (answer.ok) this.update(answer.body);
    else this.say(trouble(answer), true);
  }

  async block(blocked) {
    const answer = await call('POST', `${this.path}/block`, { blocked });
    if (answer.ok) await this.refresh();
    else this.say(trouble(answer), true);
  }

  async remove() {
    const answer = await call('DELETE', this.path);
    if (answer.ok) this.onremove(this);
    else this.say(trouble(answer), true);
  }

  /** Take over what the sandbox now says about this phone; rebuild only what differs. */
  update(shown) {
    const before = this.info;
    this.info = shown;
    const same = ['label', 'channel', 'reach'].every((field) => before[field] === shown[field])
      && before.telegram?.started === shown.telegram?.started && before.telegram?.blocked === shown.telegram?.blocked;
    if (!same) {
      const had = this.root.contains(document.activeElement) ? document.activeElement : null;
      const draft = this.body.draft();
      this.build();
      this.body.setDraft(draft);
      if (had?.closest('.kinds')) this.kinds.querySelector('[aria-pressed=true]').focus();
      if (had?.closest('.compose') || had?.closest('.start-bar')) this.body.focus();
    } else {
      this.body.refresh?.();
    }
  }

  /** Fetch what changed on the screen; calls while one is under way run once more after it. */
  async refresh() {
    if (this.loading) { this.again = true; return; }
    this.loading = true;
    do {
      this.again = false;
      const answer = await call('GET', `${this.path}/conversation?since=${this.since}`);
      if (answer.ok) this.take(answer.body);
    } while (this.again);
    this.loading = false;
  }

  take({ items, phone }) {
    const first = !this.loaded;
    this.loaded = true;
    let fresh = 0;
    for (const line of items) {
      const known = this.lines.get(line.n);
      if (!known && !line.mine && !first) {
        fresh += 1;
        if (line.channel !== this.info.channel) this.unseen[line.channel] += 1;
      }
      if (line.toast && JSON.stringify(line.toast) !== JSON.stringify(known?.toast) && !first) this.body.toast?.(line.toast);
      this.lines.set(line.n, line);
      this.since = Math.max(this.since, line.rev);
    }
    this.update(phone);
    if (items.length) {
      this.kinds.replaceChildren(this.kindButton('sms', 'Basic'), this.kindButton('telegram', 'Telegram'));
      this.drawLines(items);
    }
    if (fresh) document.dispatchEvent(new CustomEvent('arrived', { detail: fresh }));
  }

  /** Put the lines of this channel on the screen; with `changed`, only those are drawn anew. */
  drawLines(changed) {
    const screen = this.body.screen;
    const atEnd = !changed || screen.scrollHeight - screen.scrollTop - screen.clientHeight < 60;
    if (!changed) screen.replaceChildren();
    const wanted = (changed ?? [...this.lines.values()]).filter((line) => line.channel === this.info.channel);
    for (const line of wanted) this.drawLine(screen, line);
    const shown = [...this.lines.values()].some((line) => line.channel === this.info.channel && !line.deleted);
    this.body.empty.hidden = shown;
    if (atEnd || wanted.some((line) => line.mine)) screen.scrollTop = screen.scrollHeight;
  }

  drawLine(screen, line) {
    const old = screen.querySelector(`[data-n="${line.n}"]`);
    if (line.deleted) { old?.remove(); return; }
    const drawn = this.body.line(line);
    drawn.dataset.n = line.n;
    drawn.dataset.day = dayNumber(Date.parse(line.at));
    if (old) { old.replaceWith(drawn); return; }
    if (screen.lastElementChild?.dataset.day !== drawn.dataset.day) {
      const at = Date.parse(line.at);
      screen.append(h('p', { class: 'day', title: gregorianDate(at), 'data-day': drawn.dataset.day },
        h('span', { lang: 'am' }, ethiopianDate(at).replace(/^\S+ /, '')), ` · ${gregorianDate(at).replace(/^\S+ /, '')}`));
    }
    screen.append(drawn);
  }

  /** Send something and tell in the status line how it was taken. Answers whether it was. */
  async act(path, body) {
    this.say('Sending…');
    const answer = await call('POST', `${this.path}/${path}`, body);
    const told = answer.body ?? {};
    if (!answer.ok) this.say(trouble(answer), true);
    else if (told.opened || told.copied) this.say('');
    else if (!told.delivered) this.say(told.detail ?? 'Not delivered yet.', true);
    else this.say('');
    await this.refresh();
    return answer;
  }

  say(words, bad = false) {
    this.body.status.textContent = words;
    this.body.status.classList.toggle('bad', bad);
  }
}

export function prettyNumber(number) {
  return number.startsWith('+251') ? `0${number.slice(4, 7)} ${number.slice(7, 9)} ${number.slice(9, 11)} ${number.slice(11)}` : number;
}

export const clockOf = (line) => time(Date.parse(line.at));

/** The field in which a person writes: Enter sends, Shift+Enter begins a new line. */
export function composer(phone, { label, placeholder, send, onchange }) {
  const field = h('textarea', {
    rows: 1, 'aria-label': label, placeholder, maxLength: 4096,
    oninput: () => { grow(); onchange?.(field.value); },
    onkeydown: (event) => {
      if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) { event.preventDefault(); submit(); }
    },
  });
  const grow = () => {
    field.style.height = 'auto';
    field.style.height = `${Math.min(field.scrollHeight, 96)}px`;
  };
  const set = (text) => { field.value = text; grow(); onchange?.(text); };
  let busy = false;
  const submit = async () => {
    const text = field.value;
    if (busy || !text.trim()) return;
    busy = true;
    set('');
    const answer = await send(text);
    if (!answer.ok && !field.value) set(text);
    busy = false;
    field.focus();
  };
  return { field, set, submit };
}

/** A suggestion that fills the composer; used where a screen is still empty. */
export function suggestions(phone, texts) {
  return h('p', { class: 'suggestions' }, 'Try ',
    texts.map((text) => h('button', { type: 'button', class: 'try', onclick: () => { phone.body.setDraft(text); phone.body.focus(); } }, text)));
}

