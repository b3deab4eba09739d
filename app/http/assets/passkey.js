// Has the device answer what the server asks (WebAuthn), and says in one sentence what went wrong.
"use strict";

const page = document.getElementById("passkey");
const state = document.getElementById("state");
const button = document.getElementById("begin");
const back = document.getElementById("back");
const { ceremony, next, begins } = page.dataset;

// A half sign-in comes behind the "#", which browsers never send: so it stands in no log.
const token = location.hash.slice(1);
history.replaceState(null, "", location.pathname + location.search);
if (token) back.href = next + (next.includes("?") ? "&" : "?") + "second_step=" + encodeURIComponent(token);

const SENTENCES = {
  unsupported: "This browser does not know passkeys. Use a newer one, or go another way.",
  insecure: "Passkeys work at an https address only. Ask an administrator for the one of Zoark.",
  cancelled:
    "Nothing was confirmed: it was cancelled, or this device has no passkey for Zoark. Try again, or go another way.",
  notMade: "No passkey was made: it was cancelled, or this device cannot keep one. Try again if you like.",
  late: "That took too long. Please try again.",
  known: "This device has a passkey of your account already.",
  noDevice: "This device cannot keep a passkey with a fingerprint, face or PIN. Try another device or a security key.",
  place: "Passkeys do not work at this address. Open Zoark by its name.",
  offline: "Zoark does not answer. Check the connection and try again.",
  ours: "Something went wrong on our side. Please try again.",
};
const WAITING = "Follow what your browser shows…";

class Told extends Error {}

function say(sentence, isBad = false) {
  state.textContent = sentence;
  state.classList.toggle("bad", isBad);
}

const toBytes = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (char) => char.charCodeAt(0));
const toText = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

async function post(step, body) {
  let answer;
  try {
    answer = await fetch(`/session/passkey/${ceremony}/${step}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      credentials: "same-origin",
      body: JSON.stringify(body),
    });
  } catch {
    throw new Told(SENTENCES.offline);
  }
  const found = await answer.json().catch(() => ({}));
  if (answer.ok) return found;
  throw new Told(found.sentence || SENTENCES.ours);
}

const described = (list) => (list || []).map((known) => ({ ...known, id: toBytes(known.id) }));

async function make(options) {
  const { response, rawId } = await navigator.credentials.create({
    publicKey: {
      ...options,
      challenge: toBytes(options.challenge),
      user: { ...options.user, id: toBytes(options.user.id) },
      excludeCredentials: described(options.excludeCredentials),
    },
  });
  return {
    id: toText(rawId),
    clientDataJSON: toText(response.clientDataJSON),
    attestationObject: toText(response.attestationObject),
    transports: response.getTransports ? response.getTransports() : [],
  };
}

async function use(options) {
  const { response, rawId } = await navigator.credentials.get({
    publicKey: {
      ...options,
      challenge: toBytes(options.challenge),
      allowCredentials: described(options.allowCredentials),
    },
  });
  return {
    id: toText(rawId),
    clientDataJSON: toText(response.clientDataJSON),
    authenticatorData: toText(response.authenticatorData),
    signature: toText(response.signature),
    userHandle: response.userHandle ? toText(response.userHandle) : null,
  };
}

function reason(error, waitedMs, timeoutMs) {
  if (error instanceof Told) return error.message;
  switch (error.name) {
    case "NotAllowedError":
    case "AbortError":
      if (waitedMs >= timeoutMs - 1000) return SENTENCES.late;
      return ceremony === "add" ? SENTENCES.notMade : SENTENCES.cancelled;
    case "TimeoutError": return SENTENCES.late;
    case "InvalidStateError": return SENTENCES.known;
    case "ConstraintError":
    case "NotSupportedError": return ceremony === "add" ? SENTENCES.noDevice : SENTENCES.unsupported;
    case "SecurityError": return SENTENCES.place;
    default: return SENTENCES.ours;
  }
}

async function run(isByHand) {
  button.disabled = true;
  let began = performance.now(), timeout = Infinity;
  try {
    const options = await post("options", ceremony === "second-step" ? { token } : {});
    say(WAITING);
    began = performance.now();
    timeout = options.timeout;
    const answer = await (ceremony === "add" ? make(options) : use(options));
    const body = { answer, next, ...(ceremony === "second-step" && { token }) };
    location.replace((await post("finish", body)).next);
  } catch (error) {
    const waited = performance.now() - began;
    // Some browsers want a press first and refuse at once, before anybody could have cancelled.
    const wantsPress = !isByHand && error.name === "NotAllowedError" && waited < 300;
    if (wantsPress) say("");
    else say(reason(error, waited, timeout), true);
    button.disabled = false;
    if (isByHand) button.focus();
  }
}

button.addEventListener("click", () => run(true));
if (!window.isSecureContext) {
  say(SENTENCES.insecure, true);
  button.hidden = true;
} else if (!window.PublicKeyCredential) {
  say(SENTENCES.unsupported, true);
  button.hidden = true;
} else if (begins === "at-once") {
  run(false);
} else {
  button.disabled = false; // until now nobody listened to it
}
