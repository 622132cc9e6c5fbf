import { BridgeAccess } from '../browser/connection/bridge-access';
import { BridgeConnection } from '../browser/connection/bridge-connection';
import { addressedSession, browserFetch, BrowserAccessSharing, openBrowserSocket } from '../browser/connection/browser-surroundings';
import { FrameRecorder } from '../common/frames/frame-recorder';
import { ConsolePage } from './console-page';
import { element } from './dom';
import { FrameLog } from './log/frame-log';
import { PageHeader } from './page-header';
import { RpcSession } from './rpc-session';
import { Api, ApiDocument } from './syntax/api';

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
    const page = new ConsolePage(header, new RpcSession(connection, log, api), log, info);
    document.body.replaceChildren(header.node, page.node);
    page.start();
}

start().catch((error: unknown) => {
    document.body.append(element('p', { class: 'fatal', role: 'alert' }, `The console could not start: ${error instanceof Error ? error.message : String(error)}`));
});
