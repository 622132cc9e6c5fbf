import { copyText, download, element } from '../dom';
import { maskAssignments } from '../../common/frames/secrets';
import { Api } from '../syntax/api';
import { shareScript } from '../syntax/script';
import { scriptToFragment } from './link';
import { LineResult, ScriptHost, ScriptRunner } from './script-runner';

const EXAMPLE = '# One call a line, as in the command line console. For instance:\n# fs.readDirectory path=/workspace';

/** A longer address may be cut by what it is sent through. */
const MAX_LINK = 8_000;

/** A script: to be written, run, kept as a file and given to others. */
export class ScriptView {

    readonly node: HTMLElement;

    protected readonly editor = element('textarea', { class: 'code', spellcheck: 'false', 'aria-label': 'Script', placeholder: EXAMPLE });
    protected readonly notice = element('p', { class: 'notice', role: 'status', hidden: true });
    protected readonly results = element('ol', { 'aria-label': 'How the lines went' });
    protected readonly runButton = element('button', { type: 'button', class: 'primary', onclick: () => this.runOrStop() }, 'Run script');
    protected readonly runner: ScriptRunner;
    protected running = false;

    constructor(host: ScriptHost, protected readonly api: Api) {
        this.runner = new ScriptRunner(host, api, result => this.add(result));
        const picker = element('input', { type: 'file', accept: '.rpc,text/plain', hidden: true, 'aria-label': 'Script file', onchange: () => this.open(picker) });
        const link = element('button', { type: 'button', onclick: () => this.copyLink(link) }, 'Copy link');
        const copy = element('button', { type: 'button', onclick: () => copyText(this.shareable(), copy) }, 'Copy');
        this.node = element('div', { class: 'script', onkeydown: (event: KeyboardEvent) => this.shortcut(event) },
            element('div', { class: 'toolbar' }, this.runButton, copy, link,
                element('button', { type: 'button', onclick: () => download('script.rpc', this.shareable(), 'text/plain') }, 'Save'),
                element('button', { type: 'button', onclick: () => picker.click() }, 'Open…'), picker),
            this.notice, this.editor, this.results);
    }

    append(lines: readonly string[]): void {
        const before = this.editor.value;
        this.editor.value = (before && !before.endsWith('\n') ? `${before}\n` : before) + lines.map(line => `${line}\n`).join('');
        this.editor.scrollTop = this.editor.scrollHeight;
    }

    /** Shows a script that somebody gave; it is not run. */
    offer(script: string): void {
        this.editor.value = script;
        this.results.replaceChildren();
        this.say('This script came with the link. Read it before you run it: it works on your files, in your name.');
        this.editor.focus();
    }

    protected async runOrStop(): Promise<void> {
        if (this.running) {
            this.runner.stop();
            return;
        }
        this.say(undefined);
        this.results.replaceChildren();
        this.setRunning(true);
        try {
            await this.runner.run(this.editor.value);
        } finally {
            this.setRunning(false);
        }
    }

    protected setRunning(running: boolean): void {
        this.running = running;
        this.runButton.textContent = running ? 'Stop' : 'Run script';
        this.runButton.classList.toggle('cancel', running);
    }

    protected add({ line: { number, text }, status, text: told }: LineResult): void {
        const mark = { done: 'OK', failed: 'failed', skipped: 'skipped' }[status];
        this.results.append(element('li', { class: status }, element('span', { class: status === 'failed' ? 'mark failed' : 'mark' }, mark),
            element('span', {}, element('code', {}, maskAssignments(text)), element('span', { class: 'told' }, `line ${number}${told ? ` · ${told}` : ''}`))));
        this.results.scrollTop = this.results.scrollHeight;
    }

    protected say(notice: string | undefined): void {
        this.notice.textContent = notice ?? '';
        this.notice.hidden = !notice;
    }

    protected shareable(): string {
        return shareScript(this.editor.value, this.api);
    }

    protected async copyLink(button: HTMLButtonElement): Promise<void> {
        // Without the session, which is this user's only.
        const url = new URL(location.pathname + scriptToFragment(this.shareable()), location.origin);
        if (url.href.length > MAX_LINK) {
            this.say('It is too long for a link. Save it as a file, and send that.');
            return;
        }
        await copyText(url.href, button);
    }

    protected async open(picker: HTMLInputElement): Promise<void> {
        const file = picker.files?.[0];
        if (file) {
            this.editor.value = await file.text();
            this.results.replaceChildren();
            this.say(undefined);
        }
        picker.value = '';
    }

    protected shortcut(event: KeyboardEvent): void {
        if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
            event.preventDefault();
            event.stopPropagation();
            this.runOrStop();
        }
    }
}
