import { Command } from '@theia/core/lib/common/command';

export namespace HistoryCommands {

    const CATEGORY = 'File History';
    const CATEGORY_KEY = 'theia-bridge/history/title';

    export const COMPARE = Command.toLocalizedCommand({
        id: 'theia-bridge.history.compare',
        category: CATEGORY,
        label: 'Compare with an Earlier Version...',
        iconClass: 'codicon codicon-diff'
    }, 'theia-bridge/history/compare', CATEGORY_KEY);

    export const RESTORE = Command.toLocalizedCommand({
        id: 'theia-bridge.history.restore',
        category: CATEGORY,
        label: 'Restore an Earlier Version...',
        iconClass: 'codicon codicon-discard'
    }, 'theia-bridge/history/restore', CATEGORY_KEY);

    /** Of items of the timeline only. */
    export const OPEN: Command = { id: 'theia-bridge.history.open' };

    export const OPEN_CURRENT: Command = { id: 'theia-bridge.history.open-current' };
}
