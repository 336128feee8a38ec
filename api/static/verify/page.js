// What the person sees: fills the page from the proof that stands in it, has the checks made in a worker (or here,
// where a saved copy may not start one), and shows each as it arrives. Sends nothing anywhere.
"use strict";

(() => {
  const { words } = self.Equb;
  const say = words[document.documentElement.lang] || words.en;
  const at = (id) => document.getElementById(id);
  const told = (key, values = {}) =>
    say[key].replace(/\{([a-z]+)\}/g, (whole, name) => (name in values ? values[name] : whole));

  const MIRRORS = [
    "https://api.drand.sh",
    "https://api2.drand.sh",
    "https://api3.drand.sh",
    "https://drand.cloudflare.com",
  ];
  const NAMES = [
    "list",
    "frozen",
    "exclusions",
    "chain",
    "beacon_source",
    "beacon_round",
    "beacon_randomness",
    "beacon_signature",
    "lot",
    "record",
  ];
  const folder = document.currentScript.src.replace(/page\.js.*$/, "");
  const version = (/\?.*$/.exec(document.currentScript.src) || [""])[0];

  // The text of the proof that is shown, and the number of its showing: a check that a worker sends for an
  // earlier one is too late.
  let shown = { text: "", proof: null, number: 0 };

  function element(kind, text = "", name = "") {
    const made = document.createElement(kind);
    made.textContent = text;
    if (name) made.className = name;
    return made;
  }

  function fill(place, parts) {
    place.replaceChildren(...parts);
  }

  const pairs = (entries) =>
    entries.flatMap(([label, value]) => [element("dt", label), element("dd", String(value))]);

  function localTime(instant) {
    const style = { dateStyle: "long", timeStyle: "long" };
    return new Intl.DateTimeFormat(document.documentElement.lang, style).format(new Date(instant));
  }

  function verdict(kind, values = {}) {
    at("verdict").className = `verdict ${kind}`;
    at("verdict-title").textContent = told(kind, values);
    at("verdict-more").textContent = told(`${kind}_more`, values);
  }

  // --- the parts of the page ---

  function showDraw(proof) {
    at("test-beacon").hidden = !self.Equb.isTestBeacon(proof);
    at("lot").textContent = proof.lot;
    const summary = [
      [say.group, proof.group_code],
      [say.round, proof.round_number],
      [say.code, proof.code],
      [say.draw_at, localTime(proof.draw_at)],
      [say.frozen_at, localTime(proof.frozen_at)],
    ];
    fill(at("summary"), pairs(summary));
  }

  function showLots(proof) {
    const lots = proof.list_text.split("\n").filter(Boolean);
    at("in-draw").textContent = told("in_draw", { count: lots.length });
    fill(at("lots"), lots.map((lot) => element("li", lot, lot === proof.lot ? "drawn" : "")));
    const out = [
      ...proof.earlier.map((lot) => ({ lot, reason: "drawn_this_round" })),
      ...proof.exclusions.filter(({ lot }) => !proof.earlier.includes(lot)),
    ];
    at("left-out").textContent = told("left_out", { count: out.length });
    const rows = out.map(({ lot, reason }) => {
      const row = element("li");
      row.append(element("b", lot), ` ${say[`reason_${reason}`] || reason}`);
      return row;
    });
    fill(at("exclusions"), rows.length ? rows : [element("li", say.nobody_left_out)]);
  }

  function showTold(proof) {
    const entries = [
      [say.told_list, proof.frozen_hash],
      [say.told_round, proof.beacon.round],
      [say.told_previous, proof.previous],
      [say.told_record, proof.record],
    ];
    fill(at("told"), pairs(entries));
    // What members were sent by SMS is the beginning of it.
    const list = at("told").querySelector("dd");
    const rest = list.textContent.slice(12);
    list.replaceChildren(element("b", list.textContent.slice(0, 12)), rest);
  }

  function showMirrors(proof) {
    const test = self.Equb.isTestBeacon(proof);
    at("fetch-more").textContent = told(test ? "fetch_test" : "fetch_more", { round: proof.beacon.round });
    const addresses = test
      ? []
      : MIRRORS.map((mirror) => `${mirror}/${proof.beacon.chain}/public/${proof.beacon.round}`);
    const rows = addresses.map((address) => {
      const link = element("a", address);
      link.href = address;
      link.rel = "noreferrer noopener";
      link.target = "_blank";
      const row = element("li");
      row.append(link);
      return row;
    });
    fill(at("mirrors"), rows);
    at("compared").textContent = "";
  }

  function waitingRow(name) {
    const row = element("li", "", "waiting");
    row.id = `check-${name}`;
    const title = element("h3", say[`${name}_title`]);
    row.append(element("span", "·", "mark"), title, element("p", say.waiting));
    return row;
  }

  function showCheck({ name, ok, facts }) {
    const row = at(`check-${name}`);
    row.className = ok ? "ok" : "bad";
    const state = element("span", ok ? say.passed : say.not_passed, "state");
    const title = element("h3", say[`${name}_title`]);
    title.append(" ", state);
    const figures = element("details");
    const labelled = Object.entries(facts).map(([fact, value]) => [say[`fact_${fact}`], value]);
    const list = element("dl", "", "facts");
    list.append(...pairs(labelled));
    figures.append(element("summary", say.details), list);
    const mark = element("span", ok ? "✓" : "✗", "mark");
    mark.setAttribute("aria-hidden", "true");
    row.replaceChildren(mark, title, element("p", told(`${name}_${ok ? "ok" : "bad"}`, facts)), figures);
  }

  // --- checking ---

  function runHere(text, take) {
    const steps = self.Equb.checks(self.Equb.readProof(text));
    const step = () => {
      const { value, done } = steps.next();
      take(done ? null : value);
      if (!done) setTimeout(step);
    };
    setTimeout(step);
  }

  function run(text, take) {
    let worker;
    try {
      worker = new Worker(`${folder}worker.js${version}`);
    } catch {
      runHere(text, take);
      return;
    }
    worker.onmessage = ({ data }) => {
      take(data);
      if (data === null) worker.terminate();
    };
    worker.onerror = () => {
      worker.terminate();
      runHere(text, take);
    };
    worker.postMessage(text);
  }

  function finish(results, proof) {
    const failed = results.filter((check) => !check.ok).length;
    const kind = failed ? "failed" : self.Equb.isTestBeacon(proof) ? "test" : "ok";
    verdict(kind, { all: results.length, count: failed });
    document.documentElement.dataset.verdict = kind;
  }

  function show(text) {
    const number = shown.number + 1;
    shown = { text, proof: null, number };
    delete document.documentElement.dataset.verdict;
    let proof;
    try {
      proof = self.Equb.readProof(text);
    } catch (problem) {
      document.body.classList.add("unreadable");
      at("test-beacon").hidden = true;
      verdict("unreadable", { field: problem.field });
      document.documentElement.dataset.verdict = "unreadable";
      return;
    }
    shown.proof = proof;
    document.body.classList.remove("unreadable");
    verdict("checking");
    showDraw(proof);
    showLots(proof);
    showTold(proof);
    showMirrors(proof);
    fill(at("checks"), NAMES.map(waitingRow));
    const results = new Map();
    run(text, (check) => {
      if (number !== shown.number) return;
      if (check === null) {
        finish([...results.values()], proof);
        return;
      }
      results.set(check.name, check);
      showCheck(check);
    });
  }

  // --- what the person can do ---

  function compareAnswer() {
    const place = at("compared");
    let answer = null;
    try {
      answer = JSON.parse(at("answer").value);
    } catch {
      answer = null;
    }
    const { beacon } = shown.proof;
    const names = ["round", "randomness", "signature"];
    if (answer === null || typeof answer !== "object" || !names.every((name) => name in answer)) {
      place.className = "compared bad";
      place.textContent = say.fetch_broken;
      return;
    }
    const same = names.every((name) => answer[name] === beacon[name]);
    place.className = `compared ${same ? "ok" : "bad"}`;
    place.textContent = `${same ? "✓" : "✗"} ${same ? say.fetch_same : say.fetch_other}`;
  }

  function saveProof() {
    const link = element("a");
    link.href = URL.createObjectURL(new Blob([shown.text], { type: "application/json" }));
    link.download = `equb-draw-${shown.proof.code.replace(/[^A-Za-z0-9-]/g, "")}.json`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  function openProof() {
    const [file] = at("open").files;
    if (!file) return;
    at("open").value = "";
    file.text().then(show);
  }

  function start() {
    document.querySelector("main").removeAttribute("data-unscripted");
    for (const place of document.querySelectorAll("[data-say]")) place.textContent = say[place.dataset.say];
    at("compare").addEventListener("click", compareAnswer);
    at("save").addEventListener("click", saveProof);
    at("print").addEventListener("click", () => window.print());
    at("open").addEventListener("change", openProof);
    window.addEventListener("beforeprint", () => {
      for (const figures of document.querySelectorAll("details")) figures.open = true;
    });
    show(at("proof").textContent);
  }

  if (self.Equb.checks) start();
  else at("verdict-more").textContent = say.too_old;
})();
