type Child = Node | string | undefined | false;
type Attribute = string | number | boolean | undefined | ((event: never) => void);

/**
 * An element. A function listens to the event that its name tells (`onclick`), `true` sets an attribute without a value,
 * and `false` and `undefined` set none.
 */
export function element<K extends keyof HTMLElementTagNameMap>(
    tag: K, attributes: Readonly<Record<string, Attribute>> = {}, ...children: Child[]
): HTMLElementTagNameMap[K] {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
        if (typeof value === 'function') {
            made.addEventListener(name.slice(2), value as (event: Event) => void);
        } else if (value !== undefined && value !== false) {
            made.setAttribute(name, value === true ? '' : String(value));
        }
    }
    made.append(...children.filter(child => child !== undefined && child !== false));
    return made;
}

/** Text in which `such` parts are code, in paragraphs. */
export function prose(text: string): HTMLElement[] {
    return text.trim().split(/\n\s*\n/).map(paragraph => element('p', {},
        ...paragraph.replace(/\s*\n\s*/g, ' ').split('`').map((part, index) => index % 2 ? element('code', {}, part) : part)));
}

let ids = 0;

/** An id that no other element of the page has. */
export function uniqueId(prefix: string): string {
    return `${prefix}-${++ids}`;
}

/** Gives the user a file. */
export function download(name: string, content: string | Uint8Array<ArrayBuffer>, type: string): void {
    const url = URL.createObjectURL(new Blob([content], { type }));
    element('a', { href: url, download: name }).click();
    // The browser has begun to read it by then.
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** Puts a text on the clipboard, and says on the button for a moment whether it is there. A page on plain http may not. */
export async function copyText(text: string, button: HTMLButtonElement): Promise<void> {
    const usual = button.dataset.usual ??= button.textContent ?? '';
    try {
        await navigator.clipboard.writeText(text);
        button.textContent = 'Copied';
    } catch {
        button.textContent = 'Not copied';
    }
    setTimeout(() => button.textContent = usual, 1_500);
}
