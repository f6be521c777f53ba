
// Brings the page up to date every second, in place: what did not change is not touched, so nothing flickers, and
// scrolling and selecting go on undisturbed.
const every = 1000, patience = 4000; // milliseconds
const main = document.querySelector("main");
const lost = document.createElement("p");
lost.className = "alert";
lost.setAttribute("role", "alert");
let heard = Date.now(), over = false;

// become makes a node like another one of the same name.
function become(old, fresh) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
    return;
  }
  for (const a of Array.from(old.attributes)) if (!fresh.hasAttribute(a.name)) old.removeAttribute(a.name);
  for (const a of fresh.attributes) if (old.getAttribute(a.name) !== a.value) old.setAttribute(a.name, a.value);
  children(old, fresh);
}

function children(old, fresh) {
  const want = Array.from(fresh.childNodes);
  want.forEach((child, i) => {
    const there = old.childNodes[i];
    if (!there) old.append(child);
    else if (there.nodeName === child.nodeName && there.id === child.id) become(there, child);
    else there.replaceWith(child);
  });
  while (old.childNodes.length > want.length) old.lastChild.remove();
}

async function follow() {
  try {
    const answer = await fetch("main", {cache: "no-store", signal: AbortSignal.timeout(patience)});
    if (!answer.ok) throw new Error(answer.status);
    const fresh = document.createElement("main");
    const parsed = new DOMParser().parseFromString("<main>" + await answer.text() + "</main>", "text/html");
    fresh.replaceChildren(...parsed.querySelector("main").childNodes);
    cursor.remove();
    lost.remove();
    children(main, fresh);
    heard = Date.now();
    over = document.querySelector("[data-over]") !== null;
    read();
  } catch {
    silent();
  }
  setTimeout(follow, every);
}

// silent says that the page is no longer true of now.
function silent() {
  const seconds = Math.round((Date.now() - heard) / 1000);
  if (seconds < 2) return;
  lost.textContent = over
    ? "The run is over and this node has ended. The page shows how it ended."
    : `This node has not answered for ${seconds} s. The page shows what it said last; the other nodes may go on, their addresses are below.`;
  if (!lost.isConnected) main.firstElementChild.append(lost);
}
setTimeout(follow, every);
