import { Command } from '@theia/core/lib/common/command';

export namespace ChatCommands {

    export const SEARCH = Command.toLocalizedCommand({
        id: 'theia-bridge.chat.search',
        category: 'Chat',
        label: 'Search Conversations...',
        iconClass: 'codicon codicon-search'
    }, 'theia-bridge/chat/search');
}
