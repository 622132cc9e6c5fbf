const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: light-dark(#f4f5f7, #16181d); color: light-dark(#1c2330, #e4e7ee); }
main { box-sizing: border-box; width: min(26rem, calc(100vw - 2rem)); padding: 2rem; border-radius: 12px; background: light-dark(#fff, #20242c); box-shadow: 0 6px 30px #0002; }
h1 { margin: 0 0 .5rem; font-size: 1.4rem; }
p { margin: 0 0 1.25rem; overflow-wrap: anywhere; }
label { display: block; margin-bottom: 1rem; font-size: .9rem; font-weight: 600; }
input { box-sizing: border-box; display: block; width: 100%; margin-top: .3rem; padding: .55rem .7rem; font: inherit; font-weight: 400; color: inherit; background: light-dark(#fff, #16181d); border: 1px solid light-dark(#8b93a3, #7a8292); border-radius: 7px; }
button, a.button { box-sizing: border-box; display: block; width: 100%; padding: .6rem; font: inherit; font-weight: 600; text-align: center; text-decoration: none; color: #fff; background: #2458c9; border: 0; border-radius: 7px; cursor: pointer; }
:focus-visible { outline: 3px solid #6f9bff; outline-offset: 2px; }
small { display: block; margin-top: 1.25rem; color: light-dark(#555e6e, #a3abb9); overflow-wrap: anywhere; }
`;

/** For pages of this module: they run no scripts. */
export const PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'";

export interface Page {
    readonly heading: string;
    readonly message: string;
    /** Of the server that accounts are of. */
    readonly server: string;
    /** Offers to sign in; `action` is where to, `next` where to go then. */
    readonly form?: { readonly action: string, readonly next: string, readonly email?: string };
}

export function renderPage({ heading, message, server, form }: Page): string {
    const body = form ? `<form method="post" action="${escape(form.action)}">
<input type="hidden" name="next" value="${escape(form.next)}">
<label>E-mail address<input name="email" type="email" autocomplete="username" required ${form.email ? '' : 'autofocus'} value="${escape(form.email ?? '')}"></label>
<label>Password<input name="password" type="password" autocomplete="current-password" required ${form.email ? 'autofocus' : ''}></label>
<button>Sign in</button>
</form>` : '<a class="button" href="">Try again</a>';
    return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${escape(heading)} · Theia</title><style>${STYLE}</style></head>
<body><main><h1>${escape(heading)}</h1><p role="alert">${escape(message)}</p>
${body}
<small>Accounts are those of ${escape(server)}</small></main></body>
</html>
`;
}

function escape(text: string): string {
    return text.replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`);
}
