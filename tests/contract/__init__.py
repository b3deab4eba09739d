"""What every provider, tool and interface must do, whoever wrote it."""
