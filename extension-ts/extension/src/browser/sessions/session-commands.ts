import { Command } from '@theia/core/lib/common/command';
import { MenuPath } from '@theia/core/lib/common/menu';

export const SESSION_CONTEXT_MENU: MenuPath = ['theia-bridge-session-context-menu'];
export const DELETED_SESSION_CONTEXT_MENU: MenuPath = ['theia-bridge-deleted-session-context-menu'];

/** Those that concern a session take its id; without one they ask which. */
export namespace SessionCommands {

    const CATEGORY = 'Sessions';
    const CATEGORY_KEY = 'theia-bridge/sessions/title';

    const command = (name: string, label: string, icon?: string): Command => Command.toLocalizedCommand({
        id: `bridge.sessions.${name}`, category: CATEGORY, label, ...icon && { iconClass: `codicon codicon-${icon}` }
    }, `theia-bridge/sessions/${name}`, CATEGORY_KEY);

    export const SHOW = command('show', 'Show Sessions');
    export const NEW = command('new', 'New...', 'add');
    export const OPEN = command('open', 'Open...');
    export const OPEN_IN_NEW_WINDOW = command('openInNewWindow', 'Open in New Window...', 'empty-window');
    export const EDIT = command('edit', 'Rename and Edit...', 'edit');
    export const FORK_THIS = command('forkThis', 'Fork This Session...', 'repo-forked');
    export const FORK = command('fork', 'Fork...', 'repo-forked');
    export const DELETE = command('delete', 'Delete...', 'trash');
    export const RESTORE = command('restore', 'Restore...', 'discard');
    export const RELATED = command('related', 'Show Related...');
    export const REFRESH = command('refresh', 'Refresh', 'refresh');
}
