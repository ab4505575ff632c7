"""What is asked before dead letters are replayed or purged."""

from datetime import UTC, datetime

from pdfgateway.cli.dead_letters import question


def test_the_question_names_all_that_is_meant() -> None:
    """Nobody says yes to more than is asked."""
    assert question("Purge", "invalid_pdfs", "", None) == "Purge all dead letters in invalid_pdfs?"
    before = datetime(2026, 11, 24, 13, tzinfo=UTC)
    assert question("Replay the jobs of", "failed_pdfs", "LEASE_LOST", before) == (
        "Replay the jobs of all dead letters in failed_pdfs with reason LEASE_LOST from before 2026-11-24T13:00:00Z?"
    )
