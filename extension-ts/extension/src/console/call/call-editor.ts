import { Emitter, Event } from '@theia/core/lib/common/event';
import { describeError, describeMethod, describeNotification, describeResult } from '../descriptions';
import { element } from '../dom';
import { Chosen } from '../method-list';
import { Api, MethodDescription } from '../syntax/api';
import { Call, parseCall } from '../syntax/call';
import { printCall } from '../syntax/print';
import { problemOf } from './field';
import { ParamForm } from './param-form';

/** What is said of the method, a form for its parameters, and the same call as a line; either may be edited. */
export class CallEditor {

    readonly node: HTMLElement;

    protected readonly onDidChooseEmitter = new Emitter<Chosen>();
    /** Fires when another method is chosen, by a line too. */
    readonly onDidChoose: Event<Chosen> = this.onDidChooseEmitter.event;
    protected readonly onDidRunEmitter = new Emitter<Call>();
    readonly onDidRun: Event<Call> = this.onDidRunEmitter.event;
    protected readonly onDidCancelEmitter = new Emitter<void>();
    readonly onDidCancel: Event<void> = this.onDidCancelEmitter.event;
    protected readonly onDidKeepEmitter = new Emitter<string>();
    /** Fires with a line that is to become part of the script. */
    readonly onDidKeep: Event<string> = this.onDidKeepEmitter.event;

    protected readonly title = element('h1');
    protected readonly body = element('div', { class: 'body', tabindex: -1 });
    protected readonly line = element('textarea', {
        id: 'line', rows: 1, class: 'code', spellcheck: 'false', autocapitalize: 'none', autocomplete: 'off', 'aria-describedby': 'line-complaint',
        oninput: () => this.readLine()
    });
    protected readonly complaint = element('p', { class: 'complaint', id: 'line-complaint', role: 'status' });
    protected readonly runButton = element('button', {
        type: 'button', class: 'primary', 'aria-keyshortcuts': 'Control+Enter', title: 'Ctrl+Enter', onclick: () => this.runOrCancel()
    }, 'Run');
    protected form: ParamForm | undefined;
    protected method = '';
    /** What was edited last: the form may lack something that a line may leave out on purpose. */
    protected editedForm = true;
    protected running = false;
    protected readonly files = new Map<string, Uint8Array>();

    constructor(protected readonly api: Api) {
        const keep = element('button', { type: 'button', onclick: () => this.onDidKeepEmitter.fire(this.line.value.trim()) }, 'Add to script');
        this.node = element('section', { class: 'call', 'aria-label': 'Call', onkeydown: (event: KeyboardEvent) => this.shortcut(event) },
            element('header', {}, this.title),
            this.body,
            element('div', { class: 'line' },
                element('label', { for: 'line' }, 'Call'), this.line,
                element('div', { class: 'actions' }, this.runButton, keep, this.complaint)));
    }

    show(chosen: Chosen): void {
        const { kind, name } = chosen;
        if (kind === 'method') {
            this.setMethod(name);
            this.readForm(false);
            this.onDidChooseEmitter.fire(chosen);
        } else {
            this.method = '';
            this.form = undefined;
            this.title.textContent = name;
            this.body.replaceChildren(kind === 'error' ? describeError(name, this.api) : describeNotification(this.api.notifications.get(name)!, this.api));
            this.onDidChooseEmitter.fire(chosen);
        }
        this.body.scrollTop = 0;
    }

    /** Shows a line as if it had been typed. */
    setLine(line: string): void {
        this.line.value = line;
        this.readLine();
        this.line.focus();
    }

    setRunning(running: boolean): void {
        this.running = running;
        this.runButton.textContent = running ? 'Cancel' : 'Run';
        this.runButton.title = running ? 'Esc' : 'Ctrl+Enter';
        this.runButton.classList.toggle('cancel', running);
        this.node.setAttribute('aria-busy', String(running));
    }

    runOrCancel(): void {
        if (this.running) {
            this.onDidCancelEmitter.fire();
            return;
        }
        if (this.editedForm && this.form && !this.readForm(true)) {
            this.form.focus();
            return;
        }
        const call = this.parseLine();
        if (call) {
            this.onDidRunEmitter.fire(call);
        } else {
            this.line.focus();
        }
    }

    protected setMethod(name: string): void {
        const method = this.api.methods.get(name);
        this.method = name;
        this.title.textContent = name;
        this.form = method && new ParamForm(method, this.api, this.files, () => this.readForm(false));
        this.body.replaceChildren(...method && this.form
            ? [describeMethod(method, this.api), ...this.examplesOf(method), this.form.node, describeResult(method, this.api)]
            : [element('p', { class: 'hint' }, 'The server knows no such method.')]);
    }

    protected examplesOf({ name, params, examples = [] }: MethodDescription): HTMLElement[] {
        // One without parameters is on the line already.
        return params.length ? examples.map(({ params: given }) => {
            const line = printCall({ method: name, params: Object.fromEntries(given.map(one => [one.name, one.value])) }, this.api);
            return element('p', { class: 'example' }, 'For example ',
                element('button', { type: 'button', class: 'link', title: 'Put it into the line', onclick: () => this.setLine(line) }, element('code', {}, line)));
        }) : [];
    }

    /** Brings the line into step with the form. */
    protected readForm(strict: boolean): boolean {
        const { params, files, complete } = this.form!.read(strict);
        this.editedForm = true;
        this.line.value = printCall({ method: this.method, params }, this.api, files);
        this.complain(undefined);
        return complete;
    }

    /** Brings the form into step with the line. */
    protected readLine(): void {
        this.editedForm = false;
        const call = this.parseLine();
        if (!call) {
            return;
        }
        if (call.method !== this.method) {
            this.setMethod(call.method);
            if (this.form) {
                this.onDidChooseEmitter.fire({ kind: 'method', name: call.method });
            }
        }
        this.form?.write(call.params);
    }

    protected parseLine(): Call | undefined {
        try {
            const call = parseCall(this.line.value, this.api, this.files);
            const method = this.api.methods.get(call.method);
            const unknown = Object.keys(call.params).filter(name => !method?.params.some(param => param.name === name));
            this.complain(!method ? `The server knows no method ${call.method}.`
                : unknown.length ? `${call.method} has no parameter ${unknown.join(', ')}.` : undefined);
            return call;
        } catch (error) {
            this.complain(problemOf(error));
            return undefined;
        }
    }

    /** Says what is wrong with the line. */
    complain(problem: string | undefined): void {
        this.complaint.textContent = problem ?? '';
        if (problem) {
            this.line.setAttribute('aria-invalid', 'true');
        } else {
            this.line.removeAttribute('aria-invalid');
        }
    }

    protected shortcut(event: KeyboardEvent): void {
        const inLine = event.target instanceof HTMLTextAreaElement && event.target.rows === 1 && !event.shiftKey && !event.isComposing;
        if (event.key === 'Enter' && (event.ctrlKey || event.metaKey || inLine)) {
            event.preventDefault();
            event.stopPropagation();
            this.runOrCancel();
        } else if (event.key === 'Escape' && this.running) {
            this.onDidCancelEmitter.fire();
        }
    }
}
