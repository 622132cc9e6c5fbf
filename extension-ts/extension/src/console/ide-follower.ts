import { openSharing, SharingMessage } from '../common/frames/frame-sharing';
import { WorkspaceInfo } from '../common/protocol.generated';
import { element } from './dom';
import { FrameLog } from './log/frame-log';
import { FrameLogView } from './log/frame-log-view';
import { Call } from './syntax/call';

/** Shows the frames of those windows of the IDE whose user shares them. */
export class IdeFollower {

    readonly node: HTMLElement;

    protected readonly log = new FrameLog();
    protected readonly status = element('p', { class: 'following', role: 'status' });
    protected readonly windows = new Map<string, string>();
    protected readonly channel: BroadcastChannel;

    /** @param again takes a request that was seen, to be made again. */
    constructor(info: WorkspaceInfo, again: (call: Call) => void) {
        const how = element('div', { class: 'empty' },
            element('p', {}, 'See what the IDE sends and receives while you work in it.'),
            element('p', {}, 'Open this session in the IDE in another tab of this browser, press F1 there, and choose ',
                element('strong', {}, 'Theia Bridge: Share RPC Frames with the Console'), '. File contents and tokens are left out.'));
        const view = new FrameLogView(this.log, 'Frames of the IDE', how, again);
        this.node = element('div', { class: 'ide' }, this.status, view.node);
        this.channel = openSharing(info);
        this.channel.onmessage = ({ data }: MessageEvent<SharingMessage>) => this.receive(data);
        this.channel.postMessage({ type: 'who' } satisfies SharingMessage);
        this.showStatus();
    }

    protected receive(message: SharingMessage): void {
        switch (message.type) {
            case 'shares':
                this.windows.set(message.window, message.title);
                break;
            case 'ended':
                this.windows.delete(message.window);
                break;
            case 'frame':
                this.log.add(message.record, this.windows.size > 1 ? this.windows.get(message.window) : undefined);
                return;
            case 'who':
                return;
        }
        this.showStatus();
    }

    protected showStatus(): void {
        const { size } = this.windows;
        this.status.textContent = size ? `Following ${size === 1 ? 'one window' : `${size} windows`} of the IDE.` : 'No window of the IDE shares its frames.';
        this.status.classList.toggle('live', size > 0);
    }
}
