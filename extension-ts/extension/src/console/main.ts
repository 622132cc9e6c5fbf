import { BridgeAccess } from '../browser/connection/bridge-access';
import { BridgeConnection } from '../browser/connection/bridge-connection';
import { addressedSession, browserFetch, BrowserAccessSharing, openBrowserSocket } from '../browser/connection/browser-surroundings';
import { FrameRecorder } from '../common/frames/frame-recorder';
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
import { Api, ApiDocument } from './syntax/api';
import { Call } from './syntax/call';
import { printCall } from './syntax/print';
import { SyntaxProblem } from './syntax/words';
import { Tabs } from './tabs';

const FIRST_METHOD = 'fs.readDirectory';
const FIRST_LINE = 'fs.readDirectory path=/workspace';

async function start(): Promise<void> {
    const connection = new BridgeConnection({
        openSocket: openBrowserSocket, access: new BridgeAccess(new BrowserAccessSharing(), browserFetch), page: addressedSession
    });
    const log = new FrameLog();
    const recorder = new FrameRecorder();
    connection.onFrame(frame => log.add(recorder.record(frame)));
    const header = new PageHeader(connection);
    document.body.replaceChildren(header.node, element('main', { class: 'loading', 'aria-busy': 'true' }, element('p', {}, 'Asking the server what it can do…')));
    for (const event of ['online', 'focus']) {
        window.addEventListener(event, () => connection.wake());
    }
    connection.start();
    const [info, description] = await Promise.all([connection.info, connection.request('rpc.discover', undefined)]);
    header.showInfo(info);
    const api = new Api(description as unknown as ApiDocument);
    showConsole(header, new RpcSession(connection, log, api), log, info);
}

function showConsole(header: PageHeader, session: RpcSession, log: FrameLog, info: WorkspaceInfo): void {
    const { api } = session;
    const methods = new MethodList(api);
    const editor = new CallEditor(api);
    const answer = new AnswerView(api);
    const script = new ScriptView({ start: call => session.run(call, header.encoding), show: outcome => show(outcome) }, api);
    const history = new HistoryView(api, line => editor.setLine(line), lines => keep(lines));
    const again = (call: Call) => editor.setLine(printCall(call, api));
    const frames = new FrameLogView(log, 'Frames of this page', element('p', { class: 'empty' }, 'Frames are shown as they go and come.'), again);
    const ide = new IdeFollower(info, again);
    const tabs = new Tabs('Log and scripts', [
        { name: 'Log', panel: frames.node }, { name: 'IDE', panel: ide.node }, { name: 'History', panel: history.node }, { name: 'Script', panel: script.node }
    ]);
    let running: RunningCall | undefined;

    function show(outcome: Outcome): void {
        answer.show(outcome);
        history.add(outcome);
    }

    function keep(lines: readonly string[]): void {
        script.append(lines);
        tabs.show(script.node);
    }

    async function run(call: Call): Promise<void> {
        try {
            running = session.run(call, header.encoding);
        } catch (error) {
            if (error instanceof SyntaxProblem) {
                editor.complain(error.message);
                return;
            }
            throw error;
        }
        editor.setRunning(true);
        answer.showRunning(call.method);
        show(await running.outcome);
        running = undefined;
        editor.setRunning(false);
    }

    methods.onDidChoose(chosen => editor.show(chosen));
    editor.onDidChoose(chosen => methods.mark(chosen));
    editor.onDidRun(run);
    editor.onDidCancel(() => running?.cancel());
    editor.onDidKeep(line => keep([line]));
    document.addEventListener('keydown', event => {
        const typing = event.target instanceof HTMLElement && event.target.matches('input, textarea, select');
        if (event.key === '/' && !typing) {
            event.preventDefault();
            methods.focusFilter();
        } else if (event.key === 'Enter' && (event.ctrlKey || event.metaKey) && !event.defaultPrevented) {
            editor.runOrCancel();
        }
    });
    document.body.replaceChildren(header.node,
        element('main', {}, methods.node, editor.node, element('div', { class: 'right' }, answer.node, tabs.node)));
    const takeScript = () => {
        const given = scriptOfFragment(location.hash);
        if (given !== undefined) {
            tabs.show(script.node);
            script.offer(given);
        }
    };
    if (api.methods.has(FIRST_METHOD)) {
        editor.setLine(FIRST_LINE);
    }
    window.addEventListener('hashchange', takeScript);
    takeScript();
}

start().catch((error: unknown) => {
    document.body.append(element('p', { class: 'fatal', role: 'alert' }, `The console could not start: ${error instanceof Error ? error.message : String(error)}`));
});
