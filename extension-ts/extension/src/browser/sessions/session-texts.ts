import { nls } from '@theia/core/lib/common/nls';
import { BinarySize } from '@theia/filesystem/lib/common/files';
import { Session } from '../../common/protocol.generated';

const TODAY = new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' });
const THIS_YEAR = new Intl.DateTimeFormat(undefined, { month: 'short', day: 'numeric' });
const BEFORE = new Intl.DateTimeFormat(undefined, { year: 'numeric', month: 'short', day: 'numeric' });

/** When a session was last used, or deleted, and how much is kept in it: in few words. */
export function aboutText(session: Session): string {
    return [shortTime(session.deletedAt ?? session.usedAt), ...session.files ? [BinarySize.formatSize(session.bytes)] : []].join(' · ');
}

/** The same at length. */
export function longAboutText(session: Session): string {
    const { usedAt, deletedAt } = session;
    const time = deletedAt
        ? nls.localize('theia-bridge/sessions/deletedAt', 'Deleted {0}', new Date(deletedAt).toLocaleString())
        : nls.localize('theia-bridge/sessions/usedAt', 'Last used {0}', new Date(usedAt).toLocaleString());
    return `${time} · ${sizeText(session)}`;
}

/** What a fork of a session with that name is called, as the server would call it. */
export function forkName(name: string): string {
    const [, start, number] = /^(.*) \(fork(?: (\d+))?\)$/.exec(name) ?? [];
    return start === undefined ? `${name} (fork)` : `${start} (fork ${Number(number ?? 1) + 1})`;
}

function sizeText({ bytes, files }: Session): string {
    const size = BinarySize.formatSize(bytes);
    switch (files) {
        case 0: return nls.localize('theia-bridge/sessions/empty', 'empty');
        case 1: return nls.localize('theia-bridge/sessions/oneFile', '{0} in 1 file', size);
        default: return nls.localize('theia-bridge/sessions/files', '{0} in {1} files', size, files);
    }
}

function shortTime(time: number): string {
    const [then, now] = [new Date(time), new Date()];
    const format = then.toDateString() === now.toDateString() ? TODAY : then.getFullYear() === now.getFullYear() ? THIS_YEAR : BEFORE;
    return format.format(then);
}
