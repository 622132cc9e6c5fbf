import { copyText, element } from './dom';
import { formatClock, formatDuration } from './format';
import { Outcome } from './rpc-session';
import { Api } from './syntax/api';
import { printCall, printShared } from './syntax/print';

/** So many calls are kept, the newest ones, and so many characters of their lines. */
const MAX_CALLS = 100;
const MAX_CHARACTERS = 4_000_000;
/** Of a line, as shown. */
const SHOWN = 300;

interface Entry {
    readonly line: string;
    /** Without what is secret. */
    readonly shared: string;
    readonly node: HTMLElement;
}

/** The calls that were made on this page, the newest first. */
export class HistoryView {

    readonly node: HTMLElement;

    protected readonly list = element('ul');
    protected readonly empty = element('p', { class: 'empty' }, 'What you run here is kept until you leave the page.');
    protected entries: Entry[] = [];
    protected characters = 0;

    /**
     * @param again takes a call that was chosen, to be edited or made again.
     * @param keep takes the lines of all of them as a script.
     */
    constructor(protected readonly api: Api, protected readonly again: (line: string) => void, keep: (lines: readonly string[]) => void) {
        const lines = () => this.entries.map(({ shared }) => shared);
        const copy = element('button', { type: 'button', onclick: () => copyText(lines().map(line => `${line}\n`).join(''), copy) }, 'Copy as script');
        this.node = element('div', { class: 'history' },
            element('div', { class: 'toolbar' }, copy,
                element('button', { type: 'button', onclick: () => keep(lines()) }, 'Add all to script'),
                element('button', { type: 'button', onclick: () => this.clear() }, 'Clear')),
            this.empty, this.list);
    }

    add({ call, error, duration, at }: Outcome): void {
        const line = printCall(call, this.api);
        const shared = printShared(call, this.api);
        const node = element('li', {}, element('button', { type: 'button', title: 'Edit it, or make it again', onclick: () => this.again(line) },
            element('span', { class: error ? 'mark failed' : 'mark' }, error ? error.kind : 'OK'),
            element('code', {}, shared.length > SHOWN ? `${shared.slice(0, SHOWN)}…` : shared),
            element('span', { class: 'when' }, `${formatClock(at)} · ${formatDuration(duration)}`)));
        this.entries.push({ line, shared, node });
        this.characters += line.length + shared.length;
        this.list.prepend(node);
        while (this.entries.length > MAX_CALLS || (this.characters > MAX_CHARACTERS && this.entries.length > 1)) {
            const oldest = this.entries.shift()!;
            this.characters -= oldest.line.length + oldest.shared.length;
            oldest.node.remove();
        }
        this.empty.hidden = true;
    }

    protected clear(): void {
        this.entries = [];
        this.characters = 0;
        this.list.replaceChildren();
        this.empty.hidden = false;
    }
}
