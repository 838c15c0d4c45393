// A Worker that only forwards requests.

export default {
  fetch(request, { ORIGIN }) {
    const { pathname, search } = new URL(request.url);
    return fetch(new Request(ORIGIN + pathname + search, request), { redirect: "manual" });
  },
};
