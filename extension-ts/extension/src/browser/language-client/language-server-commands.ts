import { Command } from '@theia/core/lib/common/command';

export namespace LanguageServerCommands {

    const CATEGORY = 'Theia Bridge';

    export const RESTART = Command.toLocalizedCommand({
        id: 'theia-bridge.language-server.restart',
        category: CATEGORY,
        label: 'Restart Language Server'
    }, 'theia-bridge/languages/restart');

    export const OUTPUT = Command.toLocalizedCommand({
        id: 'theia-bridge.language-server.output',
        category: CATEGORY,
        label: 'Show Output of Language Servers'
    }, 'theia-bridge/languages/output');

    /** What a click on the status bar offers. */
    export const MENU: Command = { id: 'theia-bridge.language-server.menu' };

    /**
     * Runs a command that a language server has put into a lens, a completion or an action: the server's own if it has
     * one of that name, else the IDE's. Its arguments are the language, the name, and the command's own arguments.
     */
    export const RUN: Command = { id: 'theia-bridge.language-server.command' };
}
