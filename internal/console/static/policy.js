// Before all other scripts: what may become a page's HTML. Only our own server's answers do,
// and they hold no script and no handler; what does is refused, whoever made it.
if (window.trustedTypes) {
  const forbidden = /<\s*script|<[^>]*[\s"'/]on[a-z]+\s*=|=\s*["']?\s*javascript:/i;
  trustedTypes.createPolicy("default", {
    createHTML(html) {
      if (forbidden.test(html.replace(/&(#\d+|#x[0-9a-f]+|\w+);/gi, ""))) {
        throw new TypeError("refused: HTML with a script");
      }
      return html;
    },
  });
}
