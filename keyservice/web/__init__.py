"""What all pages share: access, forms, headers, error pages, paging, words of dates."""
