// The sign-in page: one form that signs in or, as /login?register, signs up. As /login?invitation=CODE it signs
// up into the tenant that made the invitation, with the e-mail address it was made for.
// The answer's cookies carry the sign-in on; no token is kept by this page.
"use strict";

const HOME = "/theia/";
// Tells this page that a refresh cookie may be there, which scripts cannot see.
const MARK = "theia-bridge.signed-in";
// Every page of this server takes this lock to refresh, as a refresh token is good for one use.
const LOCK = "theia-bridge.refresh";

const byId = (id) => document.getElementById(id);
const card = document.querySelector("main");
const form = byId("form");
const alertBox = byId("alert");
const parameters = new URLSearchParams(location.search);
// Who may sign up: "open" everybody, "invitation" the invited, "closed" nobody. The server wrote it here.
const registration = document.body.dataset.registration;

const TEXT = {
  login: {
    heading: "Welcome back",
    lead: "Sign in to open your workspace.",
    action: "Sign in",
    busy: "Signing in…",
    question: "New here?",
    switch: "Create an account",
    title: "Sign in · Theia Bridge",
  },
  register: {
    heading: "Create your account",
    lead: "You get a workspace of your own.",
    action: "Create account",
    busy: "Creating your account…",
    question: "Have an account?",
    switch: "Sign in",
    title: "Create an account · Theia Bridge",
  },
};

// Why there is no way to sign up, where there is none.
const NO_WAY = {
  invitation: "New here? Ask somebody who has an account to invite you.",
  closed: "Accounts are made by the operator of this server.",
};
const ROLES = { owner: "an owner", admin: "an admin", member: "a member", viewer: "a viewer" };

let mode = parameters.has("register") && registration === "open" ? "register" : "login";
let busy = false;
// Who was sent here from an address with a fragment is to come back with it; servers are not told of it.
const fragment = location.hash;
// The code of an invitation that stands.
let invitation = null;

/** Where to go afterwards: `next` if it is a path of this server, and never anywhere else. */
function target() {
  const next = parameters.get("next");
  if (next === null || !next.startsWith("/")) return HOME;
  try {
    const url = new URL(next, location.origin);
    const back = url.origin !== location.origin || url.pathname === "/login";
    url.hash ||= fragment;
    return back ? HOME : url.href; // whole: a path may begin with // once its .. are gone
  } catch {
    return HOME;
  }
}

function remember(signedIn) {
  try {
    if (signedIn) localStorage.setItem(MARK, "1");
    else localStorage.removeItem(MARK);
  } catch {
    // Storage is switched off: the form will be shown once more than needed.
  }
}

function remembered() {
  try {
    return localStorage.getItem(MARK) !== null;
  } catch {
    return false;
  }
}

function link(other) {
  const query = new URLSearchParams(parameters);
  query.delete("register");
  const rest = query.toString();
  if (other === "register") return "/login?register" + (rest && "&" + rest);
  return "/login" + (rest && "?" + rest);
}

function show(next) {
  mode = next;
  const text = TEXT[mode];
  const registering = mode === "register";
  document.title = text.title;
  for (const id of ["heading", "lead", "action", "question", "switch"]) byId(id).textContent = text[id];
  const mayRegister = registration === "open" || invitation !== null;
  if (!registering && !mayRegister) byId("question").textContent = NO_WAY[registration];
  byId("switch").hidden = !registering && !mayRegister;
  byId("switch").href = link(registering ? "login" : "register");
  byId("name-field").hidden = !registering;
  byId("name").disabled = !registering;
  byId("email").readOnly = registering && invitation !== null;
  byId("password").autocomplete = registering ? "new-password" : "current-password";
  form.action = "/api/v5/auth/" + mode;
  fail("");
  for (const input of form.elements) if (input.name) mark(input, "");
}

function mark(input, message) {
  const line = byId(input.id + "-error");
  const hint = mode === "register" && input.name === "password" ? "At least 8 characters." : "";
  line.textContent = message || hint;
  line.classList.toggle("hint", !message);
  if (message) input.setAttribute("aria-invalid", "true");
  else input.removeAttribute("aria-invalid");
}

function fail(message) {
  alertBox.textContent = message;
  alertBox.classList.toggle("shown", message !== "");
}

function work(on, text = "") {
  busy = on;
  card.setAttribute("aria-busy", String(on));
  // Not `disabled`: that would take the focus from whoever pressed it.
  byId("submit").setAttribute("aria-disabled", String(on));
  byId("action").textContent = on ? text : TEXT[mode].action;
  byId("status").textContent = on ? text : "";
}

/** What is wrong with a field, as the server would say it; "" when nothing is. */
function complaint(input) {
  const value = input.value;
  if (input.name === "name") return value.trim() ? "" : "Enter your name.";
  if (input.name === "email") {
    if (!value.trim()) return "Enter your e-mail address.";
    return /^[^\s@]+@[^\s@]+$/.test(value.trim()) ? "" : "Enter an e-mail address like name@example.com.";
  }
  if (!value) return mode === "register" ? "Choose a password." : "Enter your password.";
  return mode === "register" && [...value].length < 8 ? "Use at least 8 characters." : "";
}

function fields() {
  return [...form.elements].filter((element) => element.name && !element.disabled);
}

async function submit() {
  fail("");
  if (byId("password").type === "text") byId("reveal").click(); // password managers save hidden ones only
  let first = null;
  for (const input of fields()) {
    const message = complaint(input);
    mark(input, message);
    if (message && first === null) first = input;
  }
  if (first !== null) return first.focus();

  work(true, TEXT[mode].busy);
  const values = Object.fromEntries(fields().map((input) => [input.name, input.value]));
  if (mode === "register" && invitation !== null) values.invitation = invitation;
  try {
    const answer = await post(mode, values);
    if (answer.ok) {
      remember(true);
      return location.replace(target());
    }
    await refused(answer);
  } catch {
    fail("The server does not answer. Check the connection, then try again.");
  }
  work(false);
}

function post(operation, body) {
  return fetch("/api/v5/auth/" + operation, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
    credentials: "same-origin",
    cache: "no-store",
  });
}

async function refused(answer) {
  const problem = await answer.json().catch(() => ({}));
  const errors = problem.errors ?? [];
  if (problem.kind === "Exists") errors.push({ pointer: "#/email", detail: problem.detail });
  let first = null;
  for (const { pointer, detail } of errors) {
    const input = fields().find((element) => "#/" + element.name === pointer);
    if (input === undefined) continue;
    mark(input, detail);
    first ??= input;
  }
  if (first !== null) return first.focus();
  const wait = Number(answer.headers.get("Retry-After"));
  const minutes = Math.ceil(wait / 60);
  if (answer.status === 429 && minutes > 0) {
    fail(`Too many failed attempts. Try again in ${minutes} minute${minutes === 1 ? "" : "s"}.`);
  } else {
    fail(problem.detail ?? `The server answered with status ${answer.status}. Try again in a moment.`);
  }
  if (answer.status === 401) {
    byId("password").focus();
    byId("password").select();
  }
}

/** Whether this tab came back here right after resuming, so that doing it again would go round in circles. */
function circling() {
  try {
    const last = Number(sessionStorage.getItem(MARK));
    sessionStorage.setItem(MARK, String(Date.now()));
    return Date.now() - last < 10_000;
  } catch {
    return true;
  }
}

/** Signs on with the refresh cookie of an earlier sign-in, if there is one that still stands. */
async function resume() {
  work(true, "Signing you in…");
  const refresh = async () => (await post("refresh", {})).ok;
  try {
    const done = await (navigator.locks ? navigator.locks.request(LOCK, refresh) : refresh());
    if (done) return location.replace(target());
    remember(false);
  } catch {
    // The server does not answer: the form will say so when it is sent.
  }
  work(false);
}

/** Shows what an invitation is for, and the form to accept it; or why it is good for nothing. */
async function welcome(code) {
  work(true, "Looking at your invitation…");
  let message = "The server does not answer. Check the connection, then load this page again.";
  try {
    const answer = await post("invitation", { invitation: code });
    const found = await answer.json();
    if (answer.ok) {
      invitation = code;
      byId("email").value = found.email;
      Object.assign(TEXT.register, {
        heading: found.tenant === null ? TEXT.register.heading : `Join ${found.tenant}`,
        lead: found.tenant === null ? TEXT.register.lead : `You are invited as ${ROLES[found.role]}.`,
        title: found.tenant === null ? TEXT.register.title : `Join ${found.tenant} · Theia Bridge`,
      });
      TEXT.login.switch = "Accept your invitation";
      show("register");
      message = "";
    } else {
      message = found.detail;
    }
  } catch {
    // As the message says.
  }
  work(false);
  fail(message);
  (message ? byId("email") : byId("name")).focus();
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (!busy) void submit();
});

form.addEventListener("input", (event) => {
  if (event.target.getAttribute("aria-invalid") && !complaint(event.target)) mark(event.target, "");
});

byId("switch").addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  if (busy) return;
  show(mode === "login" ? "register" : "login");
  history.replaceState(null, "", link(mode));
  (mode === "register" ? byId("name") : byId("email")).focus();
});

byId("reveal").addEventListener("click", () => {
  const shown = byId("reveal").getAttribute("aria-pressed") === "true";
  const label = shown ? "Show password" : "Hide password";
  byId("password").type = shown ? "password" : "text";
  byId("reveal").setAttribute("aria-pressed", String(!shown));
  byId("reveal").setAttribute("aria-label", label);
  byId("reveal").title = label;
});

byId("host").textContent = location.host;
byId("host").title = location.host;
show(mode);
if (mode === "register") byId("name").focus();
if (parameters.has("invitation")) void welcome(parameters.get("invitation"));
else if (mode === "login" && remembered() && !circling()) void resume();
