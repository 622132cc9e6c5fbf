import { bytesToBase64, base64ToBytes } from '../syntax/base64';

const PREFIX = '#script=';

/** A script as the fragment of an address, which browsers keep to themselves. */
export function scriptToFragment(script: string): string {
    const base64 = bytesToBase64(new TextEncoder().encode(script));
    return PREFIX + base64.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** The script that an address carries, if it does. */
export function scriptOfFragment(fragment: string): string | undefined {
    if (!fragment.startsWith(PREFIX)) {
        return undefined;
    }
    try {
        const base64 = fragment.slice(PREFIX.length).replaceAll('-', '+').replaceAll('_', '/');
        return new TextDecoder('utf-8', { fatal: true }).decode(base64ToBytes(base64));
    } catch {
        return undefined;
    }
}
