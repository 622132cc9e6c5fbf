import { FrameRecord } from '../../common/frames/frame-recorder';
import { element, uniqueId } from '../dom';
import { formatBytes, formatClock, formatDuration } from '../format';
import { jsonView } from '../json-view';
import { Call } from '../syntax/call';
import { FrameLog, LogEntry, MAX_RECORDS } from './frame-log';

const PING = 'rpc.ping';

/** So near to its end (in pixels) a list is followed. */
const NEAR = 24;

/** More frames than are kept of a log. */
const MAX_WAITING = 2 * MAX_RECORDS;

/** A log as a table: a row for each frame, whose content is shown below it when asked for. */
export class FrameLogView {

    readonly node: HTMLElement;

    protected readonly rows = element('tbody');
    protected readonly table: HTMLElement;
    protected readonly scroller: HTMLElement;
    protected readonly filter = element('input', {
        type: 'search', placeholder: 'Filter: method, id, kind', 'aria-label': 'Filter the frames', oninput: () => this.showAll()
    });
    protected readonly pings = element('input', { type: 'checkbox', onchange: () => this.showAll() });
    protected readonly pauseButton = element('button', { type: 'button', 'aria-pressed': 'false', onclick: () => this.pause() }, 'Pause');
    protected readonly count = element('span', { class: 'count' });
    protected readonly nothing = element('p', { class: 'empty' }, 'No frame of those that are kept is of that kind.');
    protected readonly shown = new Map<LogEntry, readonly HTMLElement[]>();
    protected paused = false;
    /** Whether the end is to be kept in sight. */
    protected following = true;
    protected waiting: LogEntry[] = [];
    protected drawing = false;

    /**
     * @param title what screen readers call the table.
     * @param empty what is shown while there are no frames.
     * @param again takes a request that was seen, to be made again.
     */
    constructor(
        protected readonly log: FrameLog, title: string, protected readonly empty: HTMLElement, protected readonly again: (call: Call) => void
    ) {
        const columns: [string, string][] = [['Time', 'time'], ['', 'direction'], ['Method', 'method'], ['Id', 'number'], ['Size', 'number'], ['Took', 'number']];
        const head = element('tr', {}, ...columns.map(([name, kind]) =>
            element('th', { scope: 'col', class: kind }, name || element('span', { class: 'hidden' }, 'Direction'))));
        this.table = element('table', { class: 'frames', 'aria-label': title }, element('thead', {}, head), this.rows);
        this.scroller = element('div', { class: 'scroller', tabindex: 0, role: 'group', 'aria-label': title }, this.table, empty, this.nothing);
        this.node = element('div', { class: 'log' },
            element('div', { class: 'toolbar' }, this.filter, element('label', { class: 'check' }, this.pings, 'Pings'), this.count,
                this.pauseButton, element('button', { type: 'button', onclick: () => log.clear() }, 'Clear')),
            this.scroller);
        this.scroller.addEventListener('scroll', () => {
            const { scrollTop, clientHeight, scrollHeight } = this.scroller;
            // It has no height while another tab is in front.
            if (clientHeight) {
                this.following = scrollTop + clientHeight >= scrollHeight - NEAR;
            }
        });
        new ResizeObserver(() => this.follow()).observe(this.scroller);
        log.onDidAdd(entry => this.add(entry));
        log.onDidClear(() => {
            this.waiting = [];
            this.showAll();
        });
        this.showAll();
    }

    protected pause(): void {
        this.paused = !this.paused;
        this.pauseButton.textContent = this.paused ? 'Go on' : 'Pause';
        this.pauseButton.setAttribute('aria-pressed', String(this.paused));
        if (!this.paused) {
            this.waiting = [];
            this.showAll();
        }
    }

    protected add(entry: LogEntry): void {
        if (!this.paused) {
            this.waiting.push(entry);
            // Nothing is drawn of a page that is not seen.
            if (this.waiting.length > MAX_WAITING) {
                this.waiting = this.waiting.slice(-MAX_WAITING / 2);
            }
            this.drawSoon();
        }
    }

    /** All frames of one moment are drawn at once, however many they are. */
    protected drawSoon(): void {
        if (this.drawing) {
            return;
        }
        this.drawing = true;
        requestAnimationFrame(() => {
            this.drawing = false;
            const oldest = this.log.entries[0]?.sequence ?? 0;
            for (const entry of this.waiting.splice(0)) {
                if (entry.sequence >= oldest && this.matches(entry.record)) {
                    this.addRow(entry);
                }
            }
            for (const [entry, rows] of this.shown) {
                if (entry.sequence >= oldest) {
                    break;
                }
                rows.forEach(row => row.remove());
                this.shown.delete(entry);
            }
            this.updateCount();
            this.follow();
        });
    }

    protected follow(): void {
        if (this.following) {
            this.scroller.scrollTop = this.scroller.scrollHeight;
        }
    }

    protected showAll(): void {
        this.rows.replaceChildren();
        this.shown.clear();
        for (const entry of this.log.entries) {
            if (this.matches(entry.record)) {
                this.addRow(entry);
            }
        }
        this.updateCount();
        this.following = true;
        this.follow();
    }

    protected updateCount(): void {
        const all = this.log.entries.length;
        this.count.textContent = this.shown.size === all ? `${all}` : `${this.shown.size} of ${all}`;
        this.count.title = `Frames shown; the newest ${all} are kept.`;
        this.empty.hidden = all > 0;
        this.nothing.hidden = !all || this.shown.size > 0;
        this.table.hidden = !this.shown.size;
    }

    protected matches({ method, id, kind, errorKind }: FrameRecord): boolean {
        const wanted = this.filter.value.trim().toLowerCase();
        if (!wanted) {
            return this.pings.checked || method !== PING;
        }
        return [method, String(id ?? ''), kind, errorKind ?? ''].some(text => text.toLowerCase().includes(wanted));
    }

    protected addRow(entry: LogEntry): void {
        const { sent, kind, method, id, at, size, encoding, duration, errorKind } = entry.record;
        const contentId = uniqueId('frame');
        const content = element('td', { colspan: 6, id: contentId });
        const contentRow = element('tr', { class: 'content', hidden: true }, content);
        const button = element('button', {
            type: 'button', 'aria-expanded': 'false', 'aria-controls': contentId, onclick: () => {
                const open = contentRow.hidden;
                contentRow.hidden = !open;
                button.setAttribute('aria-expanded', String(open));
                content.replaceChildren(...open ? [this.contentOf(entry)] : []);
                if (open) {
                    contentRow.scrollIntoView({ block: 'nearest' });
                }
            }
        }, method || '(not seen)', ...errorKind ? [element('span', { class: 'error-kind' }, errorKind)] : []);
        const arrow = element('span', { 'aria-hidden': 'true' }, sent ? '↑' : '↓');
        const row = element('tr', { class: kind, title: `${kind}, ${encoding === 'json' ? 'JSON' : 'MessagePack'}` },
            element('td', { class: 'time' }, formatClock(at)),
            element('td', { class: sent ? 'direction sent' : 'direction' }, arrow, element('span', { class: 'hidden' }, `${kind} ${sent ? 'sent' : 'received'}`)),
            element('td', { class: 'method' }, button),
            element('td', { class: 'number' }, String(id ?? '')),
            element('td', { class: 'number' }, formatBytes(size)),
            element('td', { class: 'number' }, duration === undefined ? '' : formatDuration(duration)));
        this.rows.append(row, contentRow);
        this.shown.set(entry, [row, contentRow]);
    }

    protected contentOf({ record: { kind, method, encoding, content: { value, whole } }, source }: LogEntry): HTMLElement {
        const what = { request: 'Params', answer: 'Result', error: 'Error', notification: 'Params' }[kind];
        const head = [what, encoding === 'json' ? 'JSON' : 'MessagePack', ...source ? [source] : [], ...whole ? [] : ['abridged']].join(' · ');
        const again = () => {
            // With its key it would be known as done already.
            const { idempotencyKey: _, ...params } = value as Call['params'] ?? {};
            this.again({ method, params });
        };
        return element('div', {},
            element('div', { class: 'what' }, head, kind === 'request' && whole && element('button', { type: 'button', class: 'link', onclick: again }, 'Edit as a call')),
            value === undefined ? element('em', {}, 'none') : jsonView(value));
    }
}
