import { nls } from '@theia/core/lib/common/nls';
import { inject, injectable } from '@theia/core/shared/inversify';
import { BridgeAccess } from '../connection/bridge-access';
import { ConnectionState } from '../connection/bridge-connection';
import { SignInContribution } from './sign-in-contribution';

/** In a frame there is no login page: tells that the page around gives no access token, and asks it again. */
@injectable()
export class EmbeddedSignInContribution extends SignInContribution {

    @inject(BridgeAccess)
    protected readonly access: BridgeAccess;

    protected bar: HTMLElement | undefined;

    protected override follow(state: ConnectionState): void {
        if (state === 'signed-out') {
            this.showBar();
        } else {
            this.bar?.remove();
            this.bar = undefined;
            super.follow(state);
        }
    }

    /** Not by Theia's means, which are not there yet when there is no token from the beginning. */
    protected showBar(): void {
        if (this.bar) {
            return;
        }
        const text = document.createElement('span');
        text.textContent = nls.localize('theia-bridge/account/noToken',
            'The page around this one gives it no access token any more. Unsaved edits are kept here until it does.');
        const button = document.createElement('button');
        button.textContent = nls.localizeByDefault('Try Again');
        button.className = 'theia-button';
        button.addEventListener('click', async () => {
            button.disabled = true;
            await this.access.renew(this.access.term);
            button.disabled = false;
        });
        this.bar = document.createElement('div');
        this.bar.className = 'theia-bridge-embedded-sign-in';
        this.bar.setAttribute('role', 'alert');
        this.bar.append(text, button);
        document.body.append(this.bar);
    }
}
