/** Shows the server's OpenAPI document. Requests that are tried out go with the cookie of whoever has signed in. */
const dark = matchMedia('(prefers-color-scheme: dark)');
const applyScheme = () => document.documentElement.classList.toggle('dark-mode', dark.matches);
dark.addEventListener('change', applyScheme);
applyScheme();

SwaggerUIBundle({
    url: '/api/v5/openapi.json',
    dom_id: '#api',
    deepLinking: true,
    docExpansion: 'list',
    filter: true,
    tryItOutEnabled: true,
    displayRequestDuration: true,
    defaultModelsExpandDepth: 0,
    // Else it asks a server of its makers whether the document is valid.
    validatorUrl: null
});

const caller = document.getElementById('caller');
fetch('/api/v5/users/me').then(async response => {
    if (response.ok) {
        const { name, email, role } = await response.json();
        caller.textContent = `Signed in as ${name} (${email}, ${role}): what you try out is done in your name.`;
    } else {
        const link = document.createElement('a');
        link.href = `/login?next=${encodeURIComponent(location.pathname + location.hash)}`;
        link.textContent = 'Sign in';
        caller.replaceChildren(link, ' to try requests out, or give a token under Authorize.');
    }
}, () => caller.textContent = 'The server does not answer.');
