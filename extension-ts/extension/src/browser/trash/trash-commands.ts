import { Command } from '@theia/core/lib/common/command';
import { MenuPath } from '@theia/core/lib/common/menu';

export const TRASH_CONTEXT_MENU: MenuPath = ['theia-bridge-trash-context-menu'];

export namespace TrashCommands {

    const CATEGORY = 'Trash';
    const CATEGORY_KEY = 'theia-bridge/trash/title';

    export const SHOW = Command.toLocalizedCommand({
        id: 'theia-bridge.trash.show', category: CATEGORY, label: 'Show Trash'
    }, 'theia-bridge/trash/show', CATEGORY_KEY);

    /** Of those items that it is given, else of one that it asks for. */
    export const RESTORE = Command.toLocalizedCommand({
        id: 'theia-bridge.trash.restore', category: CATEGORY, label: 'Restore...', iconClass: 'codicon codicon-discard'
    }, 'theia-bridge/trash/restore', CATEGORY_KEY);

    export const DELETE = Command.toLocalizedCommand({
        id: 'theia-bridge.trash.delete', category: CATEGORY, label: 'Delete Permanently...', iconClass: 'codicon codicon-trash'
    }, 'theia-bridge/trash/delete', CATEGORY_KEY);

    export const EMPTY = Command.toLocalizedCommand({
        id: 'theia-bridge.trash.empty', category: CATEGORY, label: 'Empty Trash', iconClass: 'codicon codicon-clear-all'
    }, 'theia-bridge/trash/emptyTrash', CATEGORY_KEY);

    export const REFRESH: Command = { id: 'theia-bridge.trash.refresh', iconClass: 'codicon codicon-refresh' };
}
