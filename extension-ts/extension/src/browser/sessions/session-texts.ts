import { nls } from '@theia/core/lib/common/nls';
import { BinarySize } from '@theia/filesystem/lib/common/files';
import { formatTime } from '../../common/format-time';
import { Session } from '../../common/protocol.generated';

/** How much is kept in a session. */
export function sizeText({ bytes, files }: Session): string {
    if (!files) {
        return nls.localize('theia-bridge/sessions/empty', 'empty');
    }
    const size = BinarySize.formatSize(bytes);
    return files === 1
        ? nls.localize('theia-bridge/sessions/oneFile', '{0} in 1 file', size)
        : nls.localize('theia-bridge/sessions/files', '{0} in {1} files', size, files);
}

/** When a session was last used, or deleted. */
export function timeText({ usedAt, deletedAt }: Session): string {
    return deletedAt
        ? nls.localize('theia-bridge/sessions/deletedAt', 'deleted {0}', formatTime(deletedAt))
        : nls.localize('theia-bridge/sessions/usedAt', 'used {0}', formatTime(usedAt));
}
