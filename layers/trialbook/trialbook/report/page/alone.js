// Opened by a signed link, a page stands alone: each other page needs a link of its own, so what would lead there is text.
if (new URLSearchParams(location.search).has("X-Amz-Signature"))
  for (const link of document.querySelectorAll("a[href]"))
    if (!/^#|:/.test(link.getAttribute("href"))) link.closest(".links") ? link.remove() : link.removeAttribute("href");
