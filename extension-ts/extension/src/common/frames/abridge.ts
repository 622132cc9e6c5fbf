import { isSecretName, MASK, maskText } from './secrets';

/** Of what is kept of one frame's content. */
const MAX_TEXT = 200;
const MAX_ITEMS = 50;
const MAX_VALUES = 400;
const MAX_DEPTH = 12;

/**
 * What may be shown and kept of a value from a frame, as JSON: bytes are told by their number only, long texts and lists
 * are cut, and tokens are masked.
 */
export function abridge(value: unknown): unknown {
    let values = 0;
    const visit = (current: unknown, name: string, depth: number): unknown => {
        values++;
        if (typeof current === 'string') {
            return isSecretName(name) ? MASK : cut(maskText(current));
        }
        if (current instanceof Uint8Array) {
            return `<${current.byteLength.toLocaleString('en')} bytes>`;
        }
        if (current === null || typeof current !== 'object') {
            return current;
        }
        if (depth === MAX_DEPTH) {
            return '…';
        }
        const more = (shown: number, all: number) => `… ${(all - shown).toLocaleString('en')} more`;
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
    return visit(value, '', 0);
}

function cut(text: string): string {
    return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}… (${text.length.toLocaleString('en')} characters)` : text;
}
