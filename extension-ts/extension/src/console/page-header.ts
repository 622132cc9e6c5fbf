import { BridgeConnection, ConnectionState } from '../browser/connection/bridge-connection';
import { serverUrl, sessionUrl } from '../browser/connection/browser-surroundings';
import { Encoding } from '../common/frames/frame';
import { WorkspaceInfo } from '../common/protocol.generated';
import { element } from './dom';

const STATES: Readonly<Record<ConnectionState, string>> = {
    connecting: 'Connecting…', online: 'Connected', offline: 'Offline', 'signed-out': 'Signed out', 'session-gone': 'The session is not there',
    replaced: 'Signed in as somebody else'
};

/** Who works on what, how calls are encoded, and whether there is a connection. */
export class PageHeader {

    readonly node: HTMLElement;

    protected readonly state = element('span', { class: 'state', role: 'status' });
    protected readonly who = element('span', { class: 'who' });
    protected chosen: Encoding = 'msgpack';

    constructor(connection: BridgeConnection) {
        const choice = (encoding: Encoding, label: string) => element('label', {},
            element('input', { type: 'radio', name: 'encoding', value: encoding, checked: encoding === this.chosen, onchange: () => this.chosen = encoding }),
            element('span', {}, label));
        this.node = element('header', { class: 'page' },
            element('span', { class: 'brand' }, 'Theia Bridge', element('span', { class: 'product' }, 'RPC console')),
            this.who, this.state,
            element('fieldset', { class: 'encoding' }, element('legend', { class: 'hidden' }, 'Encoding of calls'), choice('msgpack', 'MessagePack'), choice('json', 'JSON')),
            element('nav', { 'aria-label': 'Other pages' },
                element('a', { href: sessionUrl('theia/').href }, 'IDE'), element('a', { href: serverUrl('api/v5/docs').href }, 'REST API')));
        const show = (state: ConnectionState) => {
            this.state.dataset.state = state;
            this.state.replaceChildren(STATES[state], ...state === 'signed-out' || state === 'session-gone' || state === 'replaced' ? [' · ', this.wayOut(state)] : []);
        };
        connection.onDidChangeState(show);
        show(connection.state);
    }

    get encoding(): Encoding {
        return this.chosen;
    }

    showInfo({ sessionName, userName, role }: WorkspaceInfo): void {
        this.who.replaceChildren(element('strong', {}, sessionName), ` · ${userName} · ${role === 'viewer' ? 'viewer, read-only' : role}`);
        document.title = `${sessionName} · RPC console · Theia Bridge`;
    }

    protected wayOut(state: ConnectionState): HTMLElement {
        if (state === 'replaced') {
            return element('button', { type: 'button', class: 'link', onclick: () => location.reload() }, 'Load again');
        }
        if (state === 'session-gone') {
            return element('a', { href: location.pathname + location.hash }, 'Work in another');
        }
        const login = serverUrl('login');
        login.searchParams.set('next', location.pathname + location.search);
        login.hash = location.hash;
        return element('a', { href: login.href }, 'Sign in');
    }
}
