import { WorkspaceInfo } from '../common/protocol.generated';
import { AnswerView } from './call/answer-view';
import { CallEditor } from './call/call-editor';
import { element } from './dom';
import { HistoryView } from './history-view';
import { IdeFollower } from './ide-follower';
import { FrameLog } from './log/frame-log';
import { FrameLogView } from './log/frame-log-view';
import { MethodList } from './method-list';
import { PageHeader } from './page-header';
import { Outcome, RpcSession, RunningCall } from './rpc-session';
import { scriptOfFragment } from './script/link';
import { ScriptView } from './script/script-view';
import { Call } from './syntax/call';
import { printCall } from './syntax/print';
import { SyntaxProblem } from './syntax/words';
import { Tabs } from './tabs';

/** What is there to begin with; every server can do that. */
const FIRST_LINE = 'fs.readDirectory path=/workspace';

/** All parts of the page, and what passes between them. */
export class ConsolePage {

    readonly node: HTMLElement;

    protected readonly methods: MethodList;
    protected readonly editor: CallEditor;
    protected readonly answer: AnswerView;
    protected readonly history: HistoryView;
    protected readonly script: ScriptView;
    protected readonly tabs: Tabs;
    protected running: RunningCall | undefined;

    /**
     * @param header tells how calls are to be encoded.
     * @param log of the frames of the session's channel.
     */
    constructor(protected readonly header: PageHeader, protected readonly session: RpcSession, log: FrameLog, info: WorkspaceInfo) {
        const { api } = session;
        const again = (call: Call) => this.editor.setLine(printCall(call, api));
        this.methods = new MethodList(api);
        this.editor = new CallEditor(api);
        this.answer = new AnswerView(api);
        this.history = new HistoryView(api, line => this.editor.setLine(line), lines => this.keep(lines));
        this.script = new ScriptView({ start: call => session.run(call, header.encoding), show: outcome => this.show(outcome) }, api);
        const frames = new FrameLogView(log, 'Frames of this page', element('p', { class: 'empty' }, 'Frames are shown as they go and come.'), again);
        const ide = new IdeFollower(info, again);
        this.tabs = new Tabs('Log and scripts', [
            { name: 'Log', panel: frames.node }, { name: 'IDE', panel: ide.node },
            { name: 'History', panel: this.history.node }, { name: 'Script', panel: this.script.node }
        ]);
        this.node = element('main', {}, this.methods.node, this.editor.node, element('div', { class: 'right' }, this.answer.node, this.tabs.node));

        this.methods.onDidChoose(chosen => this.editor.show(chosen));
        this.editor.onDidChoose(chosen => this.methods.mark(chosen));
        this.editor.onDidRun(call => this.run(call));
        this.editor.onDidCancel(() => this.running?.cancel());
        this.editor.onDidKeep(line => this.keep([line]));
    }

    /** Once its node is in the document. */
    start(): void {
        document.addEventListener('keydown', event => this.shortcut(event));
        window.addEventListener('hashchange', () => this.offerScript());
        this.editor.setLine(FIRST_LINE);
        this.offerScript();
    }

    protected async run(call: Call): Promise<void> {
        try {
            this.running = this.session.run(call, this.header.encoding);
        } catch (error) {
            if (error instanceof SyntaxProblem) {
                this.editor.complain(error.message);
                return;
            }
            throw error;
        }
        this.editor.setRunning(true);
        this.answer.showRunning(call.method);
        this.show(await this.running.outcome);
        this.running = undefined;
        this.editor.setRunning(false);
    }

    protected show(outcome: Outcome): void {
        this.answer.show(outcome);
        this.history.add(outcome);
    }

    protected keep(lines: readonly string[]): void {
        this.script.append(lines);
        this.tabs.show(this.script.node);
    }

    /** Shows the script that the address carries, if it does. It is not run: whoever sent it could be anybody. */
    protected offerScript(): void {
        const given = scriptOfFragment(location.hash);
        if (given !== undefined) {
            this.tabs.show(this.script.node);
            this.script.offer(given);
        }
    }

    protected shortcut(event: KeyboardEvent): void {
        const typing = event.target instanceof HTMLElement && event.target.matches('input, textarea, select');
        if (event.key === '/' && !typing) {
            event.preventDefault();
            this.methods.focusFilter();
        } else if (event.key === 'Enter' && (event.ctrlKey || event.metaKey) && !event.defaultPrevented) {
            this.editor.runOrCancel();
        }
    }
}
