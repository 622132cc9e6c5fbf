import { QuickInputButton, QuickInputService, QuickPickItem } from '@theia/core/lib/common/quick-pick-service';
import { MessageService } from '@theia/core/lib/common/message-service';
import { nls } from '@theia/core/lib/common/nls';
import { inject, injectable } from '@theia/core/shared/inversify';
import { RelatedSession, Session } from '../../common/protocol.generated';
import { SessionOpener } from './session-opener';
import { longAboutText } from './session-texts';
import { SessionsService } from './sessions-service';

interface SessionItem extends QuickPickItem {
    readonly session: Session;
}

/** Has one of the user's sessions chosen. */
@injectable()
export class SessionPicker {

    @inject(SessionsService)
    protected readonly sessions: SessionsService;

    @inject(SessionOpener)
    protected readonly opener: SessionOpener;

    @inject(QuickInputService)
    protected readonly quickInput: QuickInputService;

    @inject(MessageService)
    protected readonly messages: MessageService;

    protected readonly newWindow: QuickInputButton = {
        iconClass: 'codicon codicon-empty-window', tooltip: nls.localizeByDefault('Open in New Window')
    };

    /** One of all, of those in the trash, or of all but the one that is open. */
    async pick(placeholder: string, which: 'all' | 'deleted' | 'others' = 'all'): Promise<Session | undefined> {
        const found = await this.sessions.list({ deleted: which === 'deleted' });
        const offered = which === 'others' ? found.filter(({ id }) => id !== this.sessions.currentId) : found;
        if (!offered.length) {
            this.messages.info(which === 'deleted'
                ? nls.localize('theia-bridge/sessions/noDeleted', 'No deleted session is there to be restored.')
                : nls.localize('theia-bridge/sessions/noOthers', 'You have no other session.'));
            return undefined;
        }
        return this.show(placeholder, offered.map(session => this.toItem(session, [longAboutText(session), session.description])));
    }

    async pickRelated(placeholder: string, related: RelatedSession[]): Promise<Session | undefined> {
        return this.show(placeholder, related.map(({ session, reasons }) => this.toItem(session, reasons.map(({ detail }) => detail))));
    }

    protected async show(placeholder: string, items: SessionItem[]): Promise<Session | undefined> {
        const picked = await this.quickInput.showQuickPick(items, {
            placeholder,
            matchOnDescription: true,
            matchOnDetail: true,
            onDidTriggerItemButton: ({ item }) => this.opener.openInNewWindow(item.session.id)
        });
        return picked?.session;
    }

    protected toItem(session: Session, detail: string[]): SessionItem {
        const here = session.id === this.sessions.currentId ? [nls.localize('theia-bridge/sessions/openHere', 'open here')] : [];
        return {
            session,
            label: session.name,
            description: [...here, ...session.tags].join(' · '),
            detail: detail.filter(text => text).join(' · '),
            buttons: session.deletedAt ? [] : [this.newWindow]
        };
    }
}
