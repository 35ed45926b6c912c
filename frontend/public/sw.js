// The page without the network: itself newest first, its hashed files from here. Never the API.
const CACHE = "halation-1";
const MOST = 40;

self.addEventListener("install", (event) =>
  event.waitUntil(first().then(() => self.skipWaiting())),
);
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) return;
  if (request.mode === "navigate" && url.pathname === "/") event.respondWith(newestPage(request));
  else if (url.pathname.startsWith("/assets/")) event.respondWith(keptFile(request));
});

/** Keeps the page and its files at the first visit, before the worker sees any of them. */
async function first() {
  try {
    const cache = await caches.open(CACHE);
    const page = await (await fetch("/")).text();
    const files = page.match(/\/assets\/[^"']+/g) ?? [];
    await cache.addAll(["/", ...new Set(files)]);
  } catch {
    // The next visit will do.
  }
}

/** A full disk costs the copy, not the answer. */
async function keep(cache, request, answer) {
  await cache.put(request, answer.clone()).catch(() => {});
}

async function newestPage(request) {
  const cache = await caches.open(CACHE);
  try {
    const answer = await fetch(request);
    if (answer.ok) await keep(cache, "/", answer);
    return answer;
  } catch (error) {
    const kept = await cache.match("/");
    if (kept) return kept;
    throw error;
  }
}

async function keptFile(request) {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(request);
  if (kept) return kept;
  const answer = await fetch(request);
  if (answer.ok) {
    await keep(cache, request, answer);
    const keys = await cache.keys();
    for (const old of keys.slice(0, Math.max(0, keys.length - MOST))) await cache.delete(old);
  }
  return answer;
}
