/** Stands in the place of what must not be shown. */
export const MASK = '***';

const SECRET_NAMES = new Set(['token', 'password', 'secret', 'apikey', 'accesstoken', 'refreshtoken']);

/** `name=value` and `"name": "value"` of secret names in a text that could not be read, or not yet. */
const SECRET_ASSIGNMENT = /(\b(?:token|password|secret|api_?key|access_?token|refresh_?token)"?\s*(?::=|[:=])\s*)("(?:[^"\\]|\\.)*"?|'[^']*'?|\S+)/gi;

const JSON_WEB_TOKEN = /\beyJ[\w-]+\.[\w-]+\.[\w-]*/g;

/** Whether a member of that name is secret, however it is spelt. */
export function isSecretName(name: string): boolean {
    return SECRET_NAMES.has(name.replaceAll('_', '').toLowerCase());
}

export function maskText(text: string): string {
    return text.replace(JSON_WEB_TOKEN, MASK);
}

/** Masks by name what cannot be read as a call. */
export function maskAssignments(text: string): string {
    return maskText(text.replace(SECRET_ASSIGNMENT, `$1${MASK}`));
}

/** The same value without what is secret in it: texts by the name of their member, and whatever looks like a token. */
export function maskSecrets(value: unknown, name = ''): unknown {
    if (typeof value === 'string') {
        return isSecretName(name) ? MASK : maskText(value);
    }
    if (Array.isArray(value)) {
        return value.map(item => maskSecrets(item, name));
    }
    if (value !== null && typeof value === 'object' && !ArrayBuffer.isView(value)) {
        return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, maskSecrets(member, key)]));
    }
    return value;
}
