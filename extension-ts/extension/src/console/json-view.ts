import { element } from './dom';
import { formatBytes } from './format';
import { readableText } from './syntax/base64';

/** Of a list or an object, so many are shown before one asks for more. */
const PAGE = 100;
const MAX_TEXT = 2_000;
/** Of bytes that are no text. */
const MAX_BYTES = 256;
/** What has more members than this is folded at first, unless it is the whole. */
const OPEN_MEMBERS = 20;

/** Shows a value as JSON, in which objects and lists can be folded; what is folded is not built. */
export function jsonView(value: unknown): HTMLElement {
    return element('div', { class: 'json' }, viewOf(value, undefined, 0));
}

function viewOf(value: unknown, name: string | undefined, depth: number): HTMLElement {
    const key = name === undefined ? undefined : element('span', { class: 'key' }, `${name}: `);
    if (value instanceof Uint8Array) {
        return element('div', { class: 'value' }, key, ...bytesOf(value));
    }
    if (value !== null && typeof value === 'object') {
        const list = Array.isArray(value);
        const entries: [string, unknown][] = list ? value.map((item, index) => [String(index), item as unknown]) : Object.entries(value);
        const [opening, closing] = list ? '[]' : '{}';
        if (!entries.length) {
            return element('div', { class: 'value' }, key, element('span', { class: 'bracket' }, opening + closing));
        }
        const count = list ? `${entries.length} ${entries.length === 1 ? 'item' : 'items'}` : '';
        const preview = list ? count : entries.slice(0, 4).map(([member]) => member).join(', ') + (entries.length > 4 ? ', …' : '');
        const members = element('div', { class: 'members' });
        const details = element('details', {}, element('summary', {}, key,
            element('span', { class: 'bracket' }, opening),
            element('span', { class: 'preview' }, ` ${preview} `),
            element('span', { class: 'bracket closing' }, closing)), members);
        const build = () => {
            if (details.open && !members.childElementCount) {
                showMore(members, entries, 0, depth);
            }
        };
        details.addEventListener('toggle', build);
        details.open = depth === 0 || (depth < 3 && entries.length <= OPEN_MEMBERS);
        build();
        return details;
    }
    return element('div', { class: 'value' }, key, ...typeof value === 'string' ? textOf(value) : [element('span', { class: typeof value }, String(value))]);
}

function showMore(members: HTMLElement, entries: readonly [string, unknown][], start: number, depth: number): void {
    const end = Math.min(entries.length, start + PAGE);
    members.append(...entries.slice(start, end).map(([name, value]) => viewOf(value, name, depth + 1)));
    if (end < entries.length) {
        const more = element('button', {
            type: 'button', class: 'link', onclick: () => {
                more.remove();
                showMore(members, entries, end, depth);
            }
        }, `Show more (${(entries.length - end).toLocaleString('en')} left)`);
        members.append(more);
    }
}

function textOf(text: string): HTMLElement[] {
    const shown = element('span', { class: 'string' }, JSON.stringify(text.slice(0, MAX_TEXT)));
    if (text.length <= MAX_TEXT) {
        return [shown];
    }
    const all = element('button', {
        type: 'button', class: 'link', onclick: () => {
            shown.textContent = JSON.stringify(text);
            all.remove();
        }
    }, `… show all ${text.length.toLocaleString('en')} characters`);
    return [shown, all];
}

function bytesOf(bytes: Uint8Array): HTMLElement[] {
    const size = element('span', { class: 'size' }, formatBytes(bytes.byteLength));
    const text = readableText(bytes.subarray(0, MAX_TEXT * 4));
    if (text !== undefined) {
        const left = bytes.byteLength > MAX_TEXT * 4 || text.length > MAX_TEXT;
        return [size, element('pre', { class: 'bytes' }, text.slice(0, MAX_TEXT) + (left ? '\n…' : ''))];
    }
    const hex = Array.from(bytes.subarray(0, MAX_BYTES), byte => byte.toString(16).padStart(2, '0')).join(' ');
    return [size, element('pre', { class: 'bytes' }, hex + (bytes.byteLength > MAX_BYTES ? ' …' : ''))];
}
