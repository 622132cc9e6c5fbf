import { WorkspaceInfo } from '../protocol.generated';
import { FrameRecord } from './frame-recorder';

/** What windows of the IDE and consoles in the same browser tell each other. Nothing of it leaves the browser. */
export type SharingMessage =
    /** A console asks who shares. */
    | { readonly type: 'who' }
    | { readonly type: 'shares', readonly window: string, readonly title: string }
    | { readonly type: 'ended', readonly window: string }
    | { readonly type: 'frame', readonly window: string, readonly record: FrameRecord };

/** Only pages that work as the same user on the same session are on it. */
export function openSharing({ session, user }: Pick<WorkspaceInfo, 'session' | 'user'>): BroadcastChannel {
    return new BroadcastChannel(`theia-bridge.frames.${user}.${session}`);
}
