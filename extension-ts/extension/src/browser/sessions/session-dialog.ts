import { AbstractDialog, DialogError, DialogMode } from '@theia/core/lib/browser/dialogs';
import { nls } from '@theia/core/lib/common/nls';
import { Message } from '@theia/core/shared/@lumino/messaging';
import { Session } from '../../common/protocol.generated';
import { SessionDetails } from './sessions-service';

export interface SessionDialogProps {
    readonly title: string;
    readonly action: string;
    readonly details: SessionDetails;
    /** Without tags and description, which go by what they are taken from. */
    readonly nameOnly?: boolean;
    /** Does what the dialog is for; what it throws is shown in the dialog, which stays. */
    readonly save: (details: SessionDetails) => Promise<Session>;
}

/** Asks for what is said of a session, and does not close before it is saved. */
export class SessionDialog extends AbstractDialog<SessionDetails> {

    /** What was saved, once it is. */
    saved: Session | undefined;

    protected readonly name: HTMLInputElement;
    protected readonly tags: HTMLInputElement;
    protected readonly description: HTMLTextAreaElement;
    protected saving: Promise<DialogError> | undefined;

    constructor(protected readonly session: SessionDialogProps) {
        super({ title: session.title, maxWidth: 480 });
        const { details, nameOnly, action } = session;
        this.name = this.addField('input', nls.localizeByDefault('Name'), details.name);
        this.name.required = true;
        this.tags = this.addField('input', nls.localize('theia-bridge/sessions/tags', 'Tags, separated by commas'), details.tags.join(', '), nameOnly);
        this.description = this.addField('textarea', nls.localizeByDefault('Description'), details.description, nameOnly);
        this.description.rows = 4;
        this.controlPanel.removeChild(this.errorMessageNode);
        this.contentNode.appendChild(this.errorMessageNode);
        this.errorMessageNode.setAttribute('role', 'alert');
        this.node.setAttribute('role', 'dialog');
        this.node.setAttribute('aria-modal', 'true');
        this.node.setAttribute('aria-label', session.title);
        this.addClass('theia-bridge-session-dialog');
        this.appendCloseButton();
        this.appendAcceptButton(action);
    }

    get value(): SessionDetails {
        return {
            name: this.name.value.trim(),
            tags: this.tags.value.split(',').map(tag => tag.trim()).filter(tag => tag),
            description: this.description.value
        };
    }

    protected addField<K extends 'input' | 'textarea'>(tag: K, caption: string, value: string, hidden = false): HTMLElementTagNameMap[K] {
        const label = document.createElement('label');
        label.hidden = hidden;
        const text = document.createElement('span');
        text.textContent = caption;
        const field = document.createElement(tag);
        field.className = 'theia-input';
        field.value = value;
        field.spellcheck = false;
        label.append(text, field);
        this.contentNode.appendChild(label);
        return field;
    }

    protected override isValid(details: SessionDetails, mode: DialogMode): DialogError | Promise<DialogError> {
        if (!details.name) {
            // The button says so by itself until it is tried.
            return mode === 'preview' ? false : nls.localize('theia-bridge/sessions/noName', 'Enter a name.');
        }
        return mode === 'preview' ? '' : this.saving ??= this.save(details);
    }

    protected async save(details: SessionDetails): Promise<DialogError> {
        try {
            this.saved = await this.session.save(details);
            return '';
        } catch (error) {
            return error instanceof Error ? error.message : String(error);
        } finally {
            this.saving = undefined;
        }
    }

    protected override onAfterAttach(message: Message): void {
        super.onAfterAttach(message);
        for (const field of [this.name, this.tags, this.description]) {
            this.addUpdateListener(field, 'input');
        }
    }

    protected override onActivateRequest(_message: Message): void {
        this.name.focus();
        this.name.select();
    }
}
