import { SkillPromptCoordinator } from '@theia/ai-core/lib/browser/skill-prompt-coordinator';
import { injectable } from '@theia/core/shared/inversify';

/** Skills are looked for in several folders, one after the other: the workbench does not wait for that. */
@injectable()
export class PatientSkills extends SkillPromptCoordinator {

    override async onStart(): Promise<void> {
        super.onStart().catch(error => console.warn('Skills are not known:', error));
    }
}
