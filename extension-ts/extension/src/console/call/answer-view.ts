import { copyText, element } from '../dom';
import { formatBytes, formatDuration } from '../format';
import { jsonView } from '../json-view';
import { Outcome } from '../rpc-session';
import { Api } from '../syntax/api';
import { toJson } from '../wire-values';

/** What a call has brought. */
export class AnswerView {

    readonly node: HTMLElement;

    protected readonly head = element('div', { class: 'head' });
    protected readonly status = element('div', { class: 'outcome', role: 'status' });
    protected readonly body = element('div', { class: 'body', tabindex: 0, role: 'group', 'aria-label': 'Answer' });

    constructor(protected readonly api: Api) {
        this.head.append(element('h2', {}, 'Answer'), this.status);
        this.body.append(element('p', { class: 'empty' }, 'Run a call, and its answer is shown here.'));
        this.node = element('section', { class: 'answer', 'aria-label': 'Answer' }, this.head, this.body);
    }

    showRunning(method: string): void {
        this.status.className = 'outcome running';
        this.status.replaceChildren(element('span', { class: 'spinner', 'aria-hidden': 'true' }), `${method} …`);
        this.setActions();
    }

    show({ call: { method }, result, error, duration, size, encoding }: Outcome): void {
        this.status.className = error ? 'outcome failed' : 'outcome done';
        const facts = [formatDuration(duration), ...size === undefined ? [] : [formatBytes(size)], encoding === 'json' ? 'JSON' : 'MessagePack'];
        this.status.replaceChildren(element('strong', {}, error ? error.kind : 'OK'), ` ${method} · ${facts.join(' · ')}`);
        this.body.scrollTop = 0;
        if (error) {
            this.body.replaceChildren(this.errorOf(error));
            this.setActions();
        } else {
            this.body.replaceChildren(result === null || result === undefined
                ? element('p', { class: 'empty' }, 'It is done. There is nothing more to tell.')
                : jsonView(result));
            const copy = element('button', { type: 'button', onclick: () => copyText(toJson(result), copy) }, 'Copy');
            this.setActions(copy);
        }
    }

    protected errorOf({ kind, message, data }: NonNullable<Outcome['error']>): HTMLElement {
        const known = this.api.errors.get(kind);
        return element('div', { class: 'error-card' },
            element('p', { class: 'kind' }, element('strong', {}, kind), known && element('code', {}, String(known.code))),
            element('p', {}, message),
            known && known.message !== message && element('p', { class: 'hint' }, known.message),
            data.retryAfter !== undefined && element('p', { class: 'hint' }, `Try again in ${data.retryAfter} s.`),
            data.errorId !== undefined && element('p', { class: 'hint' }, 'In the server\'s log it is error ', element('code', {}, data.errorId), '.'));
    }

    protected setActions(...actions: HTMLElement[]): void {
        this.head.querySelector('.actions')?.remove();
        this.head.append(element('div', { class: 'actions' }, ...actions));
    }
}
