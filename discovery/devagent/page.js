// Follows /ui/events and shows each snapshot. What comes from the registry is only ever put in as text.
"use strict";

const MOST_INSTANCES = 200;
const MOST_CHANGES = 40;
const STATES = ["passing", "warning", "critical"];

const byId = (id) => document.getElementById(id);
const cards = new Map(); // service name → {shown, element}
const opened = new Set(); // keys of the instances that are unfolded
let current = null; // the newest snapshot
let heard = 0; // when it came
let failed = false;

function element(name, classes, ...children) {
  const made = document.createElement(name);
  if (classes) made.className = classes;
  made.append(...children);
  return made;
}

const known = (state) => (STATES.includes(state) ? state : "critical");
const count = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;
const within = (instances, state) => instances.filter((each) => each.status === state).length;

function span(seconds) {
  if (seconds < 60) return `${Math.max(0, Math.floor(seconds))} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  return seconds < 86400 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86400)} d`;
}

// One instance

function row(service, instance, fresh) {
  const key = `${service} ${instance.id}`;
  const summary = element(
    "summary", "",
    element("span", `state ${known(instance.status)}`, instance.status),
    element("span", "id", instance.id),
    element("span", "where", where(instance)),
    age(instance.checks),
  );
  const made = element("details", fresh ? "instance fresh" : "instance", summary, details(instance));
  made.open = opened.has(key);
  made.addEventListener("toggle", () => (made.open ? opened.add(key) : opened.delete(key)));
  return made;
}

const where = ({ address, port }) => (address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`);

function age(checks) {
  const made = element("span", "since");
  const since = checks.map((check) => heard - check.age * 1000);
  if (since.length) made.dataset.since = Math.max(...since);
  return made;
}

function details(instance) {
  const meta = Object.entries(instance.meta).map(([name, value]) =>
    element("span", "chip", `${name} `, element("b", "", value)));
  if (instance.weight !== 1) meta.push(element("span", "chip", "weight ", element("b", "", String(instance.weight))));
  const made = element("div", "more", ...(meta.length ? [element("div", "meta", ...meta)] : []));
  made.append(...instance.checks.map(check));
  if (!instance.checks.length) made.append(element("p", "empty", "No check: it counts as passing for as long as it is registered."));
  return made;
}

function check({ id, name, kind, target, interval, status, output }) {
  return element(
    "div", "check",
    element("div", "line", element("span", `state ${known(status)}`, status), name, element("span", "chip", id)),
    element("div", "what", `${kind.toUpperCase()} ${target}, every ${interval} s`),
    element("pre", "", output || "It has not run yet."),
  );
}

// One service

function card({ name, instances }, before) {
  const passing = within(instances, "passing");
  const tags = [...new Set(instances.flatMap((each) => each.tags))];
  const own = name === "consul" ? [element("span", "chip", "the registry itself")] : [];
  const head = element(
    "div", "head",
    element("h3", "", name),
    ...own,
    element("span", "count", `${passing} of ${count(instances.length, "instance")} passing`),
  );
  if (tags.length) head.append(element("div", "tags", ...tags.map(tag)));
  const shown = instances.slice(0, MOST_INSTANCES);
  const rows = shown.map((each) => row(name, each, before && changed(each, before)));
  const made = element("article", "service", head, share(instances), ...rows);
  if (instances.length > shown.length) made.append(element("div", "rest", `and ${instances.length - shown.length} more`));
  return made;
}

const tag = (text) => element("span", text.startsWith("urlprefix-") ? "chip route" : "chip", text);

function share(instances) {
  const parts = STATES.map((state) => {
    const part = element("i", state);
    part.style.flexGrow = within(instances, state);
    return part;
  });
  return element("div", "share", ...parts);
}

function changed(instance, before) {
  const then = before.instances.find((each) => each.id === instance.id);
  return !then || then.status !== instance.status || boot(then) !== boot(instance);
}

const boot = (instance) => instance.meta.boot_id ?? "";
const ageless = (service) => JSON.stringify(service, (key, value) => (key === "age" ? undefined : value));

// The list: only cards whose content differs are made anew, so that what a reader has marked stays marked

function list(snapshot) {
  const words = byId("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  const wanted = snapshot.services.map((service) => filtered(service, words)).filter(Boolean);
  const names = new Set(wanted.map((service) => service.name));
  for (const [name, { element: old }] of cards) if (!names.has(name)) old.remove(), cards.delete(name);
  let previous = null;
  for (const service of wanted) {
    const made = upToDate(service);
    const place = previous ? previous.nextSibling : byId("list").firstChild;
    if (made !== place) byId("list").insertBefore(made, place);
    previous = made;
  }
  byId("empty").hidden = wanted.length > 0;
  byId("empty").textContent = words.length ? "Nothing matches the filter." : "Nothing is registered yet.";
}

function upToDate(service) {
  const shown = ageless(service);
  const old = cards.get(service.name);
  if (old?.shown === shown) return old.element;
  const made = card(service, old?.service);
  old?.element.remove();
  cards.set(service.name, { shown, service, element: made });
  return made;
}

function filtered(service, words) {
  const matches = (text) => words.every((word) => text.toLowerCase().includes(word));
  if (matches(service.name)) return service;
  const instances = service.instances.filter((each) =>
    matches([service.name, each.id, where(each), each.status, ...each.tags, ...Object.values(each.meta)].join(" ")));
  return instances.length ? { ...service, instances } : null;
}

// What has changed from one snapshot to the next

function differences(before, after) {
  const flat = (snapshot) => new Map(
    snapshot.services.flatMap(({ name, instances }) => instances.map((each) => [`${name} ${each.id}`, each])));
  const [old, now] = [flat(before), flat(after)];
  const found = [];
  for (const [key, each] of now) {
    const then = old.get(key);
    if (!then) found.push([each.id, "registered", each.status]);
    else if (boot(then) !== boot(each)) found.push([each.id, "was started anew", each.status]);
    else if (then.status !== each.status) found.push([each.id, `is ${each.status}`, each.status]);
  }
  for (const [key, each] of old) if (!now.has(key)) found.push([each.id, "has left", ""]);
  return found;
}

function note(changes) {
  const time = new Date().toLocaleTimeString([], { hour12: false });
  for (const [id, what, state] of changes) {
    const said = element("span", "", element("b", "", id), ` ${what}`);
    byId("changes").prepend(element("li", state && known(state), said, element("time", "", time)));
  }
  while (byId("changes").children.length > MOST_CHANGES) byId("changes").lastChild.remove();
  byId("quiet").hidden = byId("changes").children.length > 0;
}

// The whole page

function show(snapshot) {
  const instances = snapshot.services.flatMap((service) => service.instances);
  const numbers = { services: snapshot.services.length, instances: instances.length, index: snapshot.index };
  for (const state of STATES) numbers[state] = within(instances, state);
  for (const [id, number] of Object.entries(numbers)) {
    byId(id).textContent = number.toLocaleString();
    byId(id).parentElement.classList.toggle("some", number > 0);
  }
  byId("node").textContent = `on ${snapshot.node}`;
  byId("version").textContent = snapshot.version;
  const worst = ["critical", "warning"].find((state) => numbers[state]);
  document.title = `${worst ? `${numbers[worst]} ${worst}` : "all passing"} – registry`;
  list(snapshot);
  tick();
}

function tick() {
  const now = Date.now();
  for (const each of document.querySelectorAll("[data-since]")) {
    each.textContent = `for ${span((now - Number(each.dataset.since)) / 1000)}`;
  }
}

function say(classes, text) {
  byId("live").className = `live ${classes}`;
  byId("live").textContent = text;
  document.body.classList.toggle("stale", classes === "off");
}

function receive(event) {
  const snapshot = JSON.parse(event.data);
  heard = Date.now();
  // After a restart the registry is empty until all have registered again: that is worth saying once, not for each.
  if (failed && current && snapshot.index < current.index) note([["registry", "was started anew", "warning"]]);
  else if (current) note(differences(current, snapshot));
  failed = false;
  current = snapshot;
  say("on", "live");
  show(snapshot);
}

function lose() {
  if (!failed) say("off", `no answer since ${new Date().toLocaleTimeString([], { hour12: false })}: what you see is the past`);
  failed = true;
}

function follow() {
  const events = new EventSource("events");
  events.addEventListener("message", receive);
  events.addEventListener("error", () => {
    lose();
    events.close(); // browsers differ in whether they try again by themselves
    setTimeout(follow, 1000);
  });
}

follow();
byId("filter").addEventListener("input", () => current && list(current));
setInterval(tick, 1000);
