/** Pieces of this size can be spread as arguments. */
const PIECE = 0x8000;

export function bytesToBase64(bytes: Uint8Array): string {
    let binary = '';
    for (let start = 0; start < bytes.length; start += PIECE) {
        binary += String.fromCharCode(...bytes.subarray(start, start + PIECE));
    }
    return btoa(binary);
}

const filesInBase64 = new WeakMap<Uint8Array, string>();

/** The same for the content of a file, which never changes, and is asked for with every key that is pressed in a form. */
export function fileToBase64(content: Uint8Array): string {
    const base64 = filesInBase64.get(content) ?? bytesToBase64(content);
    filesInBase64.set(content, base64);
    return base64;
}

/** @throws Error if it is not base64. */
export function base64ToBytes(text: string): Uint8Array<ArrayBuffer> {
    return Uint8Array.from(atob(text), character => character.charCodeAt(0));
}

export function textToBase64(text: string): string {
    return bytesToBase64(new TextEncoder().encode(text));
}

/** The text that the bytes are in UTF-8, unless they are something else or have control characters in them. */
export function readableText(bytes: Uint8Array): string | undefined {
    try {
        const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
        return hasControls(text) ? undefined : text;
    } catch {
        return undefined;
    }
}

/** Whether there are control characters besides line feed and tab. */
export function hasControls(text: string): boolean {
    return /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029]/.test(text);
}
