import { nls } from '@theia/core/lib/common/nls';
import { inject, injectable } from '@theia/core/shared/inversify';
import { MessageType } from '@theia/core/shared/vscode-languageserver-protocol';
import { OutputChannelManager, OutputChannelSeverity } from '@theia/output/lib/browser/output-channel';

const SEVERITIES: Partial<Record<MessageType, OutputChannelSeverity>> = {
    [MessageType.Error]: OutputChannelSeverity.Error,
    [MessageType.Warning]: OutputChannelSeverity.Warning
};

/** What language servers, and their clients, have to say to those who look: one channel of the Output view. */
@injectable()
export class LanguageOutput {

    @inject(OutputChannelManager)
    protected readonly channels: OutputChannelManager;

    log(language: string, text: string, type: MessageType = MessageType.Info): void {
        const time = new Date().toLocaleTimeString();
        this.channel().appendLine(`[${time}] [${language}] ${text}`, SEVERITIES[type] ?? OutputChannelSeverity.Info);
    }

    show(): void {
        this.channel().show();
    }

    protected channel(): ReturnType<OutputChannelManager['getChannel']> {
        return this.channels.getChannel(nls.localize('theia-bridge/languages/channel', 'Language Servers'));
    }
}
