// Shows the IDE in the frame of this page, and gives it access tokens when it asks for them.
const frame = document.getElementById("workspace");
const status = document.getElementById("status");
const bridge = frame.dataset.bridge;

/** An access token, from this page's own server. */
async function token() {
  const answer = await fetch("/token", { method: "POST" });
  if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`);
  return (await answer.json()).token;
}

async function answer(source) {
  try {
    // To the IDE's origin and no other: whatever else is in the frame by now must not get it.
    source.postMessage({ type: "theia-bridge:token", token: await token() }, bridge);
    status.textContent = "";
  } catch (error) {
    status.textContent = `The workspace cannot be signed in: ${error.message}`;
  }
}

window.addEventListener("message", ({ source, origin, data }) => {
  if (source === frame.contentWindow && origin === bridge && data?.type === "theia-bridge:token-needed") {
    void answer(source);
  }
});

try {
  frame.src = `${bridge}/theia/?token=${encodeURIComponent(await token())}`;
} catch (error) {
  status.textContent = `The workspace cannot be opened: ${error.message}`;
}
