import { isSecretName, MASK, maskText } from './secrets';

/** Of what is kept of one frame's content. */
const MAX_TEXT = 200;
const MAX_TOKEN = 8_192;
const MAX_ITEMS = 50;
const MAX_VALUES = 400;
const MAX_DEPTH = 12;

export interface Abridged {
    /** Plain data, as JSON has it. */
    readonly value: unknown;
    /** Nothing was cut or masked. */
    readonly whole: boolean;
}

/**
 * What may be shown and kept of a value from a frame: bytes are told by their number only, long texts and lists are cut,
 * and tokens are masked.
 */
export function abridge(value: unknown): Abridged {
    let values = 0;
    let whole = true;
    const partly = (part: string): string => {
        whole = false;
        return part;
    };
    const more = (shown: number, all: number) => partly(`… ${(all - shown).toLocaleString('en')} more`);
    const visit = (current: unknown, name: string, depth: number): unknown => {
        values++;
        if (typeof current === 'string') {
            const shown = isSecretName(name) ? MASK : shorten(current);
            return shown === current ? current : partly(shown);
        }
        if (current instanceof Uint8Array) {
            return partly(`<${current.byteLength.toLocaleString('en')} bytes>`);
        }
        if (current === null || typeof current !== 'object') {
            return current;
        }
        if (depth === MAX_DEPTH) {
            return partly('…');
        }
        const full = (shown: number) => shown === MAX_ITEMS || values >= MAX_VALUES;
        if (Array.isArray(current)) {
            const items: unknown[] = [];
            for (const item of current) {
                if (full(items.length)) {
                    return [...items, more(items.length, current.length)];
                }
                items.push(visit(item, name, depth + 1));
            }
            return items;
        }
        const members: Record<string, unknown> = {};
        const entries = Object.entries(current);
        for (const [index, [key, member]] of entries.entries()) {
            if (full(index)) {
                members['…'] = more(index, entries.length);
                break;
            }
            members[key] = visit(member, key, depth + 1);
        }
        return members;
    };
    return { value: visit(value, '', 0), whole };
}

function shorten(text: string): string {
    // Of a token that is cut in two, nothing could be told to be one.
    const masked = maskText(text.slice(0, MAX_TEXT + MAX_TOKEN));
    return masked.length > MAX_TEXT ? `${masked.slice(0, MAX_TEXT)}… (${text.length.toLocaleString('en')} characters)` : masked;
}
