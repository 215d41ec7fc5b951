"""The register of gemeenten: their codes, numbers, validity and successors."""
